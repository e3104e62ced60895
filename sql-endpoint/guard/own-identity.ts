import { SqlError } from '../errors.ts'
import { SHOWN_PROCESSES } from '../running-statements.ts'
import type { AstNode } from './ast.ts'
import { isWord, nameOf, type TextEdit, type Token } from './tokens.ts'

/*
 * To the engine every connection is the user `default` with all roles, so it would say the same of everybody. What a statement asks about its
 * own user is put into it as parameters, which the endpoint sets.
 */

export const USER_PARAMETER = 'gatepost_user'
export const ROLES_PARAMETER = 'gatepost_roles'
export const GRANTS_PARAMETER = 'gatepost_grants'

const USER = `{${USER_PARAMETER}:String}`
const ROLES = `{${ROLES_PARAMETER}:Array(String)}`
/** By name in lower case. */
const FUNCTIONS = new Map([
  ...['currentuser', 'user', 'current_user', 'session_user'].map((name) => [name, USER] as const),
  ...['currentroles', 'enabledroles', 'defaultroles'].map((name) => [name, ROLES] as const),
])

/**
 * Puts values in the place of calls, under the names that the columns would have. A name without parentheses (CURRENT_USER) may be a column, so
 * the engine answers it: `default`.
 * @throws SqlError ACCESS_DENIED: it is part of a definition, which would keep the parameter
 */
export function ownIdentity(root: AstNode, tokens: readonly Token[]): TextEdit[] {
  return tokens.flatMap((token, at) => {
    const [open, close, after] = tokens.slice(at + 1, at + 4)
    const value = FUNCTIONS.get(nameOf(token).toLowerCase())
    const isCall = open?.kind === 'OpeningRoundBracket' && close?.kind === 'ClosingRoundBracket'
    if (value === undefined || !isCall) return []
    if (root.kind === 'CreateQuery' || root.kind === 'AlterQuery') {
      throw new SqlError('ACCESS_DENIED', `Function ${nameOf(token)} is not available in definitions`)
    }
    const text = isWord(after, 'AS') ? value : `(${value} AS \`${nameOf(token)}()\`)`
    return [{ begin: token.begin, end: close.end, text }]
  })
}

/**
 * The query that answers SHOW GRANTS and SHOW PROCESSLIST; null: it is neither.
 * @throws SqlError ACCESS_DENIED: it asks for the grants of others
 */
export function showOfUser(root: AstNode, tokens: readonly Token[]): string | null {
  if (root.kind === 'ShowProcesslistQuery') return `SELECT * FROM (${SHOWN_PROCESSES}) ORDER BY elapsed DESC`
  if (root.kind !== 'ShowGrantsQuery') return null
  if (tokens.length > 2 && !isWord(tokens[2], 'FORMAT')) {
    throw new SqlError('ACCESS_DENIED', 'SHOW GRANTS is available for the own user only')
  }
  return `SELECT arrayJoin({${GRANTS_PARAMETER}:Array(String)}) AS GRANTS`
}
