import { randomUUID } from 'node:crypto'
import { literal } from './guard/tokens.ts'

/**
 * The engine gives each query an id of its own that nobody learns. This setting of the connection carries who sent it and the request's query
 * id instead: it has no effect, since the cache of queries is off, and no client may change it.
 */
const CARRIER = 'query_cache_tag'
const PARTS = `splitByChar(' ', Settings['${CARRIER}'])`

export interface QueryTag {
  readonly setting: Readonly<Record<string, string>>
  /** A condition on system.processes for exactly this request. */
  readonly condition: string
}

/** @param user has no spaces, and neither has the query id */
export function tagOf(user: string, queryId: string): QueryTag {
  const tag = `${user} ${queryId} ${randomUUID()}`
  return { setting: { [CARRIER]: tag }, condition: `Settings['${CARRIER}'] = ${literal(tag)}` }
}

/** A condition on system.processes for requests with this query id. @param user null: of every user */
export function withQueryId(idLiteral: string, user: string | null): string {
  const ofUser = user === null ? '' : ` AND ${PARTS}[1] = ${literal(user)}`
  // Queries of the store itself have no tag.
  return `length(${PARTS}) = 3 AND ${PARTS}[2] = ${idLiteral}${ofUser}`
}

/** The query id of a row of system.processes. */
export const QUERY_ID = `${PARTS}[2]`
