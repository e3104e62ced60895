import { z } from 'zod'
import { storedUserName } from '../../common/user-name.ts'
import { userNameRule } from '../../store/user-names.ts'
import type { TableStore } from '../../store/table-store.ts'

const number = z.union([z.number(), z.string().transform(Number)])

/** A session in the result. */
export const session = z.object({
  session_id: z.string(),
  state: z.string(),
  account: z.string(),
  mac: z.string(),
  ip: z.string(),
  gw_id: z.string(),
  method: z.string(),
  issued: z.string().nullable(),
  first_seen: z.string().nullable(),
  last_seen: z.string().nullable(),
  ended: z.string().nullable(),
  end_reason: z.string().nullable(),
  incoming: number,
  outgoing: number,
  reports: number,
  source: z.string(),
})

/** One row of the view `sessions`; the comments of its columns explain them. */
export type Session = z.infer<typeof session>

export interface SessionSearch {
  /** Only sessions that have not ended: issued, validating or active. */
  readonly active: boolean
  readonly gateway?: string
  /** In the normal form. */
  readonly mac?: string
  readonly account?: string
  /** Sessions with this id: one, or one per gateway that used it. */
  readonly id?: string
  readonly limit: number
  /** How many to leave out before the first one. */
  readonly offset?: number
}

const TIMES = ['issued', 'first_seen', 'last_seen', 'ended']

/** How many sessions match, whatever limit and offset. */
export async function countSessions(store: TableStore, search: SessionSearch): Promise<number> {
  const [row] = await store.query<{ found: number }>(
    `SELECT toUInt32(count()) AS found FROM gatepost.sessions AS one ${conditionOf(search)}`,
    await parametersOf(store, search),
  )
  return row.found
}

/** Ordered by when they were last seen, or issued, latest first. */
export async function listSessions(store: TableStore, search: SessionSearch): Promise<Session[]> {
  const columns = Object.keys(session.shape).map((name) =>
    TIMES.includes(name) ? `toString(one.${name}) AS ${name}` : `one.${name} AS ${name}`,
  )
  const wanted = conditionOf(search)
  const isNarrow = search.id !== undefined || search.mac !== undefined || search.account !== undefined
  const rows = await store.query(
    `SELECT ${columns.join(', ')} FROM gatepost.sessions AS one
     ${isNarrow ? `${wanted} ${NEWEST} ${PART}` : `WHERE (one.gw_id, one.session_id) IN (SELECT one.gw_id, one.session_id FROM gatepost.sessions AS one ${wanted} ${NEWEST} ${PART}) ${NEWEST}`}`,
    await parametersOf(store, search),
  )
  return z.array(session).parse(rows)
}

const group = z.object({ gw_id: z.string(), source: z.string(), sessions: number, session_id: z.string() })

/** Gateways and NAS where matching sessions are online, with one of them each; those with most sessions first, at most 100. */
export async function groupsOnline(
  store: TableStore,
  search: Partial<SessionSearch>,
): Promise<z.infer<typeof group>[]> {
  const active = { ...search, active: true, limit: 0 }
  const rows = await store.query(
    `SELECT one.gw_id AS gw_id, one.source AS source, toUInt32(count()) AS sessions, any(one.session_id) AS session_id
     FROM gatepost.sessions AS one ${conditionOf(active)} AND one.state != 'issued'
     GROUP BY one.gw_id, one.source ORDER BY sessions DESC, gw_id LIMIT 100`,
    await parametersOf(store, active),
  )
  return z.array(group).parse(rows)
}

function conditionOf(search: SessionSearch): string {
  const conditions = [
    ...(search.id === undefined ? [] : ['one.session_id = {id:String}']),
    ...(search.gateway === undefined ? [] : ['one.gw_id = {gateway:String}']),
    ...(search.mac === undefined
      ? []
      : [byClient('mac = {mac:String}', 'origin.mac = {mac:String}', 'mac = {mac:String}')]),
    ...(search.account === undefined
      ? []
      : [byClient('0', 'origin.account = {account:String}', 'username = {stored:String}')]),
    ...(search.active ? ["one.state IN ('issued', 'validating', 'active')"] : []),
  ]
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
}

async function parametersOf(store: TableStore, search: SessionSearch): Promise<Record<string, string | number>> {
  const { id = '', gateway = '', mac = '', account, limit, offset = 0 } = search
  // As names of RADIUS servers are stored.
  const stored = account === undefined ? '' : storedUserName(account, await userNameRule(store))
  return { id, gateway, mac, account: account ?? '', stored, limit, offset }
}

/**
 * MEASURED: the newest hundred of 20,000 RADIUS sessions with 72 packets each take 1.2 s if they are found first, and 2.3 s if the bytes of
 * all sessions are summed.
 */
const NEWEST = `ORDER BY greatest(ifNull(one.last_seen, toDateTime64(0, 3, 'UTC')), ifNull(one.issued, toDateTime64(0, 3, 'UTC'))) DESC, one.session_id`

const PART = 'LIMIT {limit:UInt32} OFFSET {offset:UInt32}'

/** Finds the matching keys first, so that the state of other sessions need not be computed. */
function byClient(reported: string, issued: string, accounted: string): string {
  return `(one.gw_id, one.session_id) IN (
    SELECT gw_id, session_id FROM gatepost.session_hours WHERE ${reported}
    UNION DISTINCT SELECT gw_id, session_id FROM gatepost.session_origins WHERE ${issued}
    UNION DISTINCT SELECT nas, unique_id FROM gatepost.radius_session_days WHERE ${accounted})`
}
