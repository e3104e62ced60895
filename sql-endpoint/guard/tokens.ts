/** A token of the engine's own lexer. */
export interface Token {
  readonly kind: string
  /** As written. */
  readonly text: string
  /** Offsets in bytes. */
  readonly begin: number
  readonly end: number
}

/** Tokens of `sql` from lines of begin and end, in bytes, and kind; without white space and comments. */
export function tokensOf(sql: string, lines: string): Token[] {
  const bytes = Buffer.from(sql)
  const tokens: Token[] = []
  for (const line of lines.split('\n')) {
    const [from, to, kind] = line.split(' ')
    if (kind === undefined || kind === 'Whitespace' || kind === 'Comment') continue
    const begin = Number(from)
    const end = Number(to)
    tokens.push({ kind, begin, end, text: bytes.toString('utf8', begin, end) })
  }
  return tokens
}

export function isName(token: Token | undefined): token is Token {
  return token?.kind === 'BareWord' || token?.kind === 'QuotedIdentifier'
}

/** The identifier that a token names, without quotes. Tokens with escapes have been refused before (see guard.ts). */
export function nameOf(token: Token): string {
  return token.kind === 'QuotedIdentifier' ? token.text.slice(1, -1) : token.text
}

export function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'BareWord' && token.text === word
}

export function adjacent(left: Token, right: Token): boolean {
  return left.end === right.begin
}

/** A name in the tree, without its quotes. */
export function unquoted(name: string): string {
  return name.startsWith('`') && name.endsWith('`') ? name.slice(1, -1) : name
}

/** A part of a text, at offsets in bytes, and what replaces it. */
export interface TextEdit {
  readonly begin: number
  readonly end: number
  readonly text: string
}

/** Edits are in ascending order and do not overlap. */
export function applyEdits(sql: string, edits: readonly TextEdit[]): string {
  const bytes = Buffer.from(sql)
  let out = ''
  let at = 0
  for (const edit of edits) {
    out += bytes.toString('utf8', at, edit.begin) + edit.text
    at = edit.end
  }
  return out + bytes.toString('utf8', at)
}

/** A string as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
