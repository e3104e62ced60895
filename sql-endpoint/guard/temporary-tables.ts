import type { AstNode } from './ast.ts'
import { SqlError } from '../errors.ts'
import { isName, isWord, nameOf, type Token } from './tokens.ts'

/** A statement that makes, fills or removes a temporary table. */
export interface TemporaryChange {
  readonly table: string
  readonly makes: boolean
}

/** By the kind of the tree: the words before the table's name, in the engine's own formatting. */
const BEGINNINGS: Record<string, RegExp> = {
  CreateQuery: /^CREATE (?:OR REPLACE )?TEMPORARY TABLE (?:IF NOT EXISTS )?$/,
  InsertQuery: /^INSERT INTO $/,
  DropQuery: /^DROP (?:TEMPORARY )?TABLE (?:IF EXISTS )?$/,
  TruncateQuery: /^TRUNCATE (?:TEMPORARY )?TABLE (?:IF EXISTS )?$/,
}
const MOST_WORDS = 7
const REFUSED_WORDS = ['REFRESH', 'DEFINER', 'UUID', 'ATTACH', 'CLONE', 'DETACH'] as const

/**
 * Null: the statement is about another table, or does something else. Temporary tables have no database and hide tables of the same name, as
 * on a server; which of the two a name means is decided here as the engine decides it.
 * @param existing temporary tables that its sender has
 * @throws SqlError ACCESS_DENIED
 */
export function temporaryChange(
  root: AstNode,
  tokens: readonly Token[],
  existing: ReadonlySet<string>,
): TemporaryChange | null {
  const beginning = BEGINNINGS[root.kind]
  if (beginning === undefined) return null
  // The longest first: IF may be a name.
  for (let words = MOST_WORDS; words >= 2; words--) {
    const before = tokens.slice(0, words)
    const [name, next] = tokens.slice(words, words + 2)
    if (!beginning.test(before.map(({ text }) => text).join(' ') + ' ') || !isName(name)) continue
    if (next?.kind === 'Dot') return null
    const table = nameOf(name)
    const says = before.some((token) => isWord(token, 'TEMPORARY'))
    if (!says && !existing.has(table)) return null
    checkTargetInTree(root, tokens, table)
    for (const word of REFUSED_WORDS) {
      if (tokens.some((token) => isWord(token, word))) throw denied(`${word} is not available here`)
    }
    if (root.kind === 'CreateQuery') checkDefinition(root, tokens)
    return { table, makes: root.kind === 'CreateQuery' }
  }
  return null
}

/** The tokens and the tree have to mean the same table. A FORMAT at the end is a further identifier. */
function checkTargetInTree(root: AstNode, tokens: readonly Token[], table: string): void {
  const names = root.children.filter(({ kind }) => kind === 'Identifier' || kind === 'Function' || kind === 'Literal')
  const [target, format] = names
  const endsWithFormat = isWord(tokens.at(-2), 'FORMAT') && format?.detail === tokens.map(nameOf).at(-1)
  const isKnown = target?.kind === 'Identifier' && target.detail === table && (format === undefined || endsWithFormat)
  if (!isKnown || names.length > 2) throw denied('This statement on a temporary table is not understood')
}

/** Columns, ENGINE = Memory and AS SELECT. */
function checkDefinition(root: AstNode, tokens: readonly Token[]): void {
  for (const child of root.children) {
    const isPart = ['Identifier', 'Columns'].includes(child.kind) || child.kind.startsWith('Select')
    if (child.kind === 'Storage') {
      const [engine, ...further] = child.children
      if (engine?.kind !== 'Function' || engine.detail !== 'Memory' || further.length > 0)
        throw denied('Temporary tables have ENGINE = Memory')
    } else if (!isPart) throw denied(`${child.kind} is not available here`)
  }
  const hasSelect = root.children.some(({ kind }) => kind.startsWith('Select'))
  if (!hasSelect && copiesTable(tokens)) throw denied('CREATE TEMPORARY TABLE ... AS table is not available here')
}

/** An external table is a name and columns. @throws SqlError ACCESS_DENIED */
export function requireColumnsOnly(root: AstNode): void {
  const other = root.children.find(({ kind }) => kind !== 'Identifier' && kind !== 'Columns')
  if (root.kind !== 'CreateQuery' || other !== undefined)
    throw denied('The structure of an external table has columns only')
}

/** AS t, which the tree does not show. */
function copiesTable(tokens: readonly Token[]): boolean {
  let depth = 0
  for (const token of tokens) {
    if (token.kind === 'OpeningRoundBracket') depth++
    if (token.kind === 'ClosingRoundBracket') depth--
    if (depth === 0 && isWord(token, 'AS')) return true
  }
  return false
}

function denied(message: string): SqlError {
  return new SqlError('ACCESS_DENIED', message)
}
