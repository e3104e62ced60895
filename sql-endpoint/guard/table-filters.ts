import { SqlError } from '../errors.ts'
import { DATABASE } from '../options.ts'
import { literal, type Token } from './tokens.ts'

/** The setting with which Grafana sends ad hoc filters: {'table': 'condition', ...}. */
export const TABLE_FILTERS = 'additional_table_filters'

const MAX_FILTERS = 50
/** Also names of aliases, to the engine. */
const TABLE = new RegExp(`^(?:${DATABASE}\\.)?([A-Za-z_]\\w{0,127})$`)

export interface TableFilter {
  readonly table: string
  readonly condition: string
}

/**
 * Reads the map that begins at the token `at`.
 * @returns the filters, and the index after them
 * @throws SqlError ACCESS_DENIED
 */
export function tableFiltersAt(tokens: readonly Token[], at: number): { filters: TableFilter[]; next: number } {
  const filters: TableFilter[] = []
  let next = at + 1
  while (tokens[next]?.kind !== 'ClosingCurlyBrace') {
    const [key, colon, value, after] = tokens.slice(next, next + 4)
    const isPair = key?.kind === 'StringLiteral' && colon?.kind === 'Colon' && value?.kind === 'StringLiteral'
    if (!isPair || filters.length >= MAX_FILTERS) throw denied(`The value of ${TABLE_FILTERS} is not understood`)
    const table = TABLE.exec(textOf(key))?.[1]
    if (table === undefined) throw denied(`${TABLE_FILTERS} is available for tables of database ${DATABASE}`)
    filters.push({ table, condition: textOf(value) })
    next += after?.kind === 'Comma' ? 4 : 3
  }
  return { filters, next: next + 1 }
}

/**
 * A query in which the condition stands as the engine reads it, for the guard to judge. A condition that ends the parenthesis is none to the
 * engine, and one that is cut off by a comment of its own does not parse here.
 */
export function queryOfFilter({ table, condition }: TableFilter): string {
  return `SELECT (${condition}\n) FROM ${DATABASE}.\`${table}\``
}

/** The setting's value, of what was judged. */
export function filterSetting(filters: readonly TableFilter[]): string {
  return `{${filters.map(({ table, condition }) => `${literal(table)}: ${literal(condition)}`).join(', ')}}`
}

/** The text of a literal in the engine's own formatting, which escapes with backslashes. */
function textOf({ text }: Token): string {
  const inner = text.slice(1, -1)
  if (/\\[^\\']/.test(inner.replaceAll('\\\\', ''))) throw denied(`Escapes in ${TABLE_FILTERS} are not available here`)
  return inner.replace(/\\([\\'])/g, '$1')
}

function denied(message: string): SqlError {
  return new SqlError('ACCESS_DENIED', message)
}
