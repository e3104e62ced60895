import { nameIn, walk, type AstNode } from './ast.ts'
import { catalogTable, type Audience } from './catalog.ts'
import { isName, isWord, nameOf, unquoted, type TextEdit, type Token } from './tokens.ts'

/** A place that reads a table of the catalogue which has a restricted version. */
interface Use {
  readonly table: string
  readonly alias: string
  readonly edit: TextEdit
}

/**
 * Puts the restricted versions of catalogue tables in their place, and their aliases where columns are qualified with the database:
 * system.tables.name is a column of `tables` then.
 * @returns null: the tree has such a table where the tokens do not show it
 */
export function replaceCatalogTables(root: AstNode, tokens: readonly Token[], audience: Audience): TextEdit[] | null {
  const restricted = (database: string, table: string): string | null => {
    const query = catalogTable(database, table, audience)
    return typeof query === 'string' ? query : null
  }
  let expected = 0
  for (const [node] of walk(root)) {
    if (node.kind !== 'TableIdentifier') continue
    const [database = '', table = ''] = nameIn(node).split('.').map(unquoted)
    if (restricted(database, table) !== null) expected++
  }
  const uses: Use[] = []
  const qualified: { table: string; begin: number; end: number }[] = []
  for (const [i, token] of tokens.entries()) {
    const [dot, name, after, asName] = tokens.slice(i + 1, i + 5)
    const before = tokens[i - 1]
    if (!isName(token) || dot?.kind !== 'Dot' || !isName(name) || before?.kind === 'Dot') continue
    const query = restricted(nameOf(token), nameOf(name))
    if (query === null) continue
    const table = `${nameOf(token).toLowerCase()}.${nameOf(name).toLowerCase()}`
    const place = { begin: token.begin, end: name.end }
    if (after?.kind === 'Dot') qualified.push({ table, ...place })
    else if (before?.kind === 'Comma' || isWord(before, 'FROM') || isWord(before, 'JOIN')) {
      const named = isWord(after, 'AS') && isName(asName) ? asName.text : null
      const alias = named ?? `\`${nameOf(name)}\``
      uses.push({ table, alias, edit: { ...place, text: named === null ? `(${query}) AS ${alias}` : `(${query})` } })
    }
  }
  if (uses.length !== expected) return null
  return [...uses.map(({ edit }) => edit), ...qualified.flatMap((name) => renamed(name, uses))]
}

/** Several uses of one table: the engine has to say that the name is not clear. */
function renamed(
  { table, begin, end }: { table: string; begin: number; end: number },
  uses: readonly Use[],
): TextEdit[] {
  const aliases = new Set(uses.filter((use) => use.table === table).map(({ alias }) => alias))
  const [alias] = aliases
  return aliases.size === 1 ? [{ begin, end, text: alias }] : []
}

/** DESCRIBE TABLE system.tables needs a grant on that table, which would show it everywhere; DESCRIBE of a query needs none. */
export function describeCatalogTable(root: AstNode, tokens: readonly Token[], audience: Audience): TextEdit[] | null {
  const [expression] = root.children
  if (expression?.children[0]?.kind !== 'TableIdentifier') return replaceCatalogTables(root, tokens, audience)
  const at = isWord(tokens[1], 'TABLE') ? 2 : 1
  const [database, dot, table] = tokens.slice(at, at + 3)
  if (!isName(database) || dot?.kind !== 'Dot' || !isName(table)) return []
  const query = catalogTable(nameOf(database), nameOf(table), audience)
  if (query === undefined) return []
  return [
    { begin: database.begin, end: table.end, text: `(${query ?? `SELECT * FROM ${database.text}.${table.text}`})` },
  ]
}
