import { z } from 'zod'
import { loginsThatOpened, sessionKeyOf } from './login-sessions.ts'
import type { Session } from './sessions.ts'
import type { TableStore } from '../../store/table-store.ts'

const bytes = z.union([z.number(), z.string().transform(Number)]).nullable()

/** A request of the session's gateway, as table gateway_auth has it; or a packet of its NAS, the login that opened it, or a request to end it. */
export const sessionEvent = z.object({
  received_at: z.string(),
  /** Of RADIUS: login, the status of the packet, or Disconnect-Request. */
  stage: z.string(),
  /** Null: RADIUS. */
  auth_code: z.number().nullable(),
  ip: z.string(),
  mac: z.string(),
  incoming: bytes,
  outgoing: bytes,
  own: z.number(),
  remote_ip: z.string(),
  /** Of a login its result and reply, of a Stop its cause, of a request to end it its outcome and reason; else empty. */
  detail: z.string(),
})

export type SessionEvent = z.infer<typeof sessionEvent>

const MAX_EVENTS = 500

/** The newest reports of a session, in chronological order. `truncated`: there are older ones. */
export async function sessionTimeline(
  store: TableStore,
  session: Session,
): Promise<{ readonly events: readonly SessionEvent[]; readonly truncated: boolean }> {
  const { first_seen, last_seen } = session
  if (first_seen === null || last_seen === null) return { events: [], truncated: false }
  const events = z
    .array(sessionEvent)
    .parse(session.source === 'radius' ? await packetsOf(store, session) : await requestsOf(store, session))
  const login = session.source === 'radius' ? await loginOf(store, session) : []
  return { events: [...login, ...events.slice(0, MAX_EVENTS).reverse()], truncated: events.length > MAX_EVENTS }
}

/** A condition on a table's received_at, by parameters `from` and `to`. @param later how much later the last row may be: SQL's interval */
function between(table: string, later: string): string {
  const at = `${table}.received_at`
  return `${at} >= parseDateTime64BestEffort({from:String}, 3, 'UTC')
       AND ${at} <= parseDateTime64BestEffort({to:String}, 3, 'UTC') + ${later}`
}

function requestsOf(store: TableStore, { session_id, gw_id, first_seen, last_seen }: Session): Promise<unknown[]> {
  return store.query(
    `SELECT toString(request.received_at) AS received_at, stage, auth_code, ip, mac, incoming, outgoing, own, remote_ip, '' AS detail
     FROM gatepost.gateway_auth AS request
     WHERE ${between('request', 'INTERVAL 5 MINUTE')}
       AND session_id = {session:String} AND gw_id IN ({gateway:String}, '')
     ORDER BY request.received_at DESC, batch_id, batch_index LIMIT ${MAX_EVENTS + 1}`,
    { from: first_seen ?? '', to: last_seen ?? '', session: session_id, gateway: gw_id },
  )
}

/** A packet may be received up to a week after what it tells of: Acct-Delay-Time. */
function packetsOf(store: TableStore, { session_id, gw_id, first_seen, last_seen }: Session): Promise<unknown[]> {
  return store.query(
    `SELECT toString(at) AS received_at, stage, NULL AS auth_code, ip, mac, incoming, outgoing, 1 AS own, remote_ip, detail FROM
     (
       SELECT packet.event_at AS at, toString(status_type) AS stage, if(framed_ip != '', framed_ip, framed_ipv6) AS ip, mac,
         output_octets AS incoming, input_octets AS outgoing, toString(remote_ip) AS remote_ip, toString(terminate_cause) AS detail,
         ifNull(session_time, 0) AS time
       FROM gatepost.radius_accounting AS packet
       WHERE ${between('packet', 'INTERVAL 7 DAY')} AND unique_id = {session:String} AND nas = {nas:String}
       UNION ALL
       SELECT request.at AS at, 'Disconnect-Request' AS stage, '' AS ip, '' AS mac, NULL AS incoming, NULL AS outgoing,
         toString(address) AS remote_ip, trimRight(concat(toString(outcome), ' ', reason)) AS detail, 0 AS time
       FROM gatepost.radius_disconnects AS request
       WHERE unique_id = {session:String} AND nas = {nas:String}
     )
     ORDER BY at DESC, time DESC, stage, detail LIMIT ${MAX_EVENTS + 1}`,
    { from: first_seen ?? '', to: last_seen ?? '', session: session_id, nas: gw_id },
  )
}

/** The login that opened a RADIUS session. None: empty. */
async function loginOf(store: TableStore, session: Session): Promise<SessionEvent[]> {
  const login = (await loginsThatOpened(store, [session])).get(sessionKeyOf(session))
  if (login === undefined) return []
  const { received_at, mac, remote_ip, authentication_result, authentication_reply } = login
  const detail = `${authentication_result} ${authentication_reply}`.trimEnd()
  return [
    {
      received_at,
      stage: 'login',
      auth_code: null,
      ip: '',
      mac,
      incoming: null,
      outgoing: null,
      own: 1,
      remote_ip,
      detail,
    },
  ]
}
