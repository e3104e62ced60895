/** A token of the engine's own lexer. */
export interface Token {
  readonly kind: string
  /** As written. */
  readonly text: string
  /** Offsets in bytes. */
  readonly begin: number
  readonly end: number
}

/** An element of tokenizeQuery() in a JSON format: offsets in bytes, as numbers or texts. */
export interface LexedToken {
  readonly begin: number | string
  readonly end: number | string
  readonly type: string
}

/**
 * Tokens without white space and comments.
 * @param lexed what the engine found in the text, one after the other from its beginning to its end
 * @throws Error: it was another text
 */
export function tokensOf(sql: string, lexed: readonly LexedToken[]): Token[] {
  const bytes = Buffer.from(sql)
  if (Number(lexed.at(-1)?.end ?? 0) !== bytes.length) throw new Error('the tokens are those of another text')
  return lexed
    .filter(({ type }) => type !== 'Whitespace' && type !== 'Comment')
    .map(({ type, begin, end }) => ({
      kind: type,
      begin: Number(begin),
      end: Number(end),
      text: bytes.toString('utf8', Number(begin), Number(end)),
    }))
}

/** A character of more than one byte (the Unicode Standard, table 3-7), or a byte that belongs to none; each byte as a character of Latin-1. */
const BEYOND_ASCII =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|[\x80-\xff]/g

/**
 * A statement in the engine's formatting as text. Its literals may hold bytes that are no UTF-8 ('\xff'), which are written as escapes again: as
 * U+FFFD each would be two bytes longer, and all that follows would be somewhere else than the engine says.
 */
export function escapeNoUtf8(statement: Buffer): string {
  return statement
    .toString('latin1')
    .replaceAll(BEYOND_ASCII, (found) =>
      found.length > 1 ? Buffer.from(found, 'latin1').toString() : `\\x${found.charCodeAt(0).toString(16)}`,
    )
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
