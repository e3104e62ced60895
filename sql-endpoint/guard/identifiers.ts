import type { Connection } from '../engine.ts'
import { SqlError } from '../errors.ts'
import { applyEdits, isName, nameOf } from './tokens.ts'

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
    if (value === undefined)
      throw new SqlError({ code: 456, name: 'UNKNOWN_QUERY_PARAMETER' }, `Substitution \`${nameOf(name)}\` is not set`)
    if (value === '' || /[`\\\0-\x1f\x7f]/.test(value)) {
      throw new SqlError('BAD_ARGUMENTS', `The value of parameter ${nameOf(name)} is no identifier`)
    }
    remaining.delete(nameOf(name))
    edits.push({ begin: token.begin, end: close.end, text: `\`${value}\`` })
  }
  return { sql: applyEdits(sql, edits), remaining }
}
