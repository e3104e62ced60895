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
  for (const [at, token] of tokens.entries()) {
    if (!isName(token)) continue
    const name = nameOf(token)
    if (name.toLowerCase() === 'indexhint') throw denied('Function indexHint is not available here')
    if (name.startsWith('.inner')) throw denied(`Table ${name} is not available here`)
    const parts = name.split('.')
    const isPath = tokens[at + 1]?.kind === 'Dot'
    const wholes = isPath ? parts : parts.slice(0, -1)
    // A name with dots may be that of one column: a.b has the parts of `a`, and is itself one whose parts are hidden.
    const isPart = wholes.some((_, i) =>
      parts.some((__, from) => from <= i && hidden.has(parts.slice(from, i + 1).join('.'))),
    )
    if (isPart) throw denied(`Parts of column ${name} are not available here`)
  }
}

function denied(message: string): SqlError {
  return new SqlError('ACCESS_DENIED', message)
}
