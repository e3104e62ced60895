import type { Connection } from '../connection.ts'
import { SqlError } from '../errors.ts'
import { applyEdits, isName, nameOf, type Token } from './tokens.ts'

/**
 * Substitutes `{name:Identifier}` with quoted values, so that the guard sees which table or column they name. Values of other types stay
 * parameters: they cannot name anything.
 * @throws SqlError BAD_ARGUMENTS
 */
export async function substituteIdentifiers(
  connection: Connection,
  sql: string,
  parameters: ReadonlyMap<string, string>,
): Promise<{ sql: string; remaining: ReadonlyMap<string, string> }> {
  if (!/identifier/i.test(sql)) return { sql, remaining: parameters }
  const tokens = await connection.tokenize(sql)
  const remaining = new Map(parameters)
  const edits: { begin: number; end: number; text: string }[] = []
  for (const [i, token] of tokens.entries()) {
    const [name, colon, type, close] = tokens.slice(i + 1, i + 5)
    if (token.kind !== 'OpeningCurlyBrace' || !isName(name) || colon?.kind !== 'Colon' || !isName(type)) continue
    if (nameOf(type) !== 'Identifier' || close?.kind !== 'ClosingCurlyBrace') continue
    const value = parameters.get(nameOf(name))
    if (value === undefined) throw notSet(nameOf(name))
    if (value === '' || /[`\\\0-\x1f\x7f]/.test(value)) {
      throw new SqlError('BAD_ARGUMENTS', `The value of parameter ${nameOf(name)} is no identifier`)
    }
    remaining.delete(nameOf(name))
    edits.push({ begin: token.begin, end: close.end, text: `\`${value}\`` })
  }
  return { sql: applyEdits(sql, edits), remaining }
}

/** Names of the parameters that a statement uses. */
export function parametersIn(tokens: readonly Token[]): Set<string> {
  const names = new Set<string>()
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== 'OpeningCurlyBrace') continue
    const [name, colon, type] = tokens.slice(i + 1, i + 4)
    if (isName(name) && colon?.kind === 'Colon' && isName(type)) names.add(nameOf(name))
  }
  return names
}

/**
 * A connection that was used before still has the parameters of earlier requests, which belong to those.
 * @throws SqlError UNKNOWN_QUERY_PARAMETER
 */
export function requireParameters(used: ReadonlySet<string>, given: ReadonlyMap<string, string>): void {
  for (const name of used) if (!given.has(name)) throw notSet(name)
}

function notSet(name: string): SqlError {
  return new SqlError({ code: 456, name: 'UNKNOWN_QUERY_PARAMETER' }, `Substitution \`${name}\` is not set`)
}
