import { SqlError } from '../errors.ts'
import { isName, nameOf, type Token } from './tokens.ts'

/**
 * What a user of GATEPOST_SQL_USERS may not name, since the engine does not ask whether the columns behind it may be read: a part of a hidden
 * column (t.x of a tuple, m.keys of a map, name.size) is a column of its own to it, indexHint() reads no column, and the table behind a
 * materialized view has a name that nobody can hide.
 * @param hidden names of columns, of whatever table
 * @throws SqlError ACCESS_DENIED
 */
export function checkHidden(tokens: readonly Token[], hidden: ReadonlySet<string>): void {
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]
    if (!isName(token)) continue
    if (nameOf(token).toLowerCase() === 'indexhint') throw denied('Function indexHint is not available here')
    const names = [nameOf(token)]
    for (; tokens[at + 1]?.kind === 'Dot'; at++) {
      const next = tokens[at + 2]
      names.push(isName(next) ? nameOf(next) : '')
      if (isName(next)) at++
    }
    if (names.some((name) => name.startsWith('.inner')))
      throw denied('Tables of materialized views are not available here')
    // Each of the names may have dots itself.
    const path = `.${names.join('.')}`
    const column = [...hidden].find((name) => path.includes(`.${name}.`))
    if (column !== undefined) throw denied(`Parts of column ${column} are not available here`)
  }
}

function denied(message: string): SqlError {
  return new SqlError('ACCESS_DENIED', message)
}
