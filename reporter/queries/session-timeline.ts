import { z } from 'zod'
import type { Session } from './sessions.ts'
import type { TableStore } from '../../store/table-store.ts'

const bytes = z.union([z.number(), z.string().transform(Number)]).nullable()

/** A request of the session's gateway, as table gateway_auth has it. */
export const sessionEvent = z.object({
  received_at: z.string(),
  stage: z.string(),
  auth_code: z.number(),
  ip: z.string(),
  mac: z.string(),
  incoming: bytes,
  outgoing: bytes,
  own: z.number(),
  remote_ip: z.string(),
})

export type SessionEvent = z.infer<typeof sessionEvent>

const MAX_EVENTS = 500

/** The newest reports of a session, in chronological order. `truncated`: there are older ones. */
export async function sessionTimeline(
  store: TableStore,
  session: Session,
): Promise<{ readonly events: readonly SessionEvent[]; readonly truncated: boolean }> {
  const { session_id, gw_id, first_seen, last_seen } = session
  if (first_seen === null || last_seen === null) return { events: [], truncated: false }
  const columns = Object.keys(sessionEvent.shape).map((name) =>
    name === 'received_at' ? 'toString(request.received_at) AS received_at' : name,
  )
  const rows = await store.query(
    `SELECT ${columns.join(', ')}
     FROM gatepost.gateway_auth AS request
     WHERE request.received_at >= parseDateTime64BestEffort({from:String}, 3, 'UTC')
       AND request.received_at <= parseDateTime64BestEffort({to:String}, 3, 'UTC') + INTERVAL 5 MINUTE
       AND session_id = {session:String} AND gw_id IN ({gateway:String}, '')
     ORDER BY request.received_at DESC, batch_id, batch_index LIMIT ${MAX_EVENTS + 1}`,
    { from: first_seen, to: last_seen, session: session_id, gateway: gw_id },
  )
  const events = z.array(sessionEvent).parse(rows)
  return { events: events.slice(0, MAX_EVENTS).reverse(), truncated: events.length > MAX_EVENTS }
}
