import { z } from 'zod'
import type { TableStore } from '../../store/table-store.ts'

/** The engine writes 64-bit integers as text. A gateway may report values beyond 2^53, whose lost precision does not matter in a list. */
const number = z.union([z.number(), z.string().transform(Number)])

export const gateway = z.object({
  gw_id: z.string(),
  name: z.string(),
  state: z.string(),
  /** 2024-02-29 12:00:00.000, UTC */
  last_seen: z.string(),
  remote_ip: z.string(),
  user_agent: z.string(),
  sys_uptime: number.nullable(),
  sys_memfree: number.nullable(),
  sys_load: number.nullable(),
  wifidog_uptime: number.nullable(),
  interval_seconds: number.nullable(),
  clients: number,
  restarts: number,
  warning: z.string(),
  addresses: z.array(z.string()),
})

/** One row of the view `gateways`; the comments of its columns explain them. */
export type Gateway = z.infer<typeof gateway>

/** Gateways that are down first, longest outage first. */
export async function listGateways(store: TableStore, downOnly: boolean): Promise<Gateway[]> {
  const rows = await store.query(
    `SELECT ${Object.keys(gateway.shape).join(', ')} FROM gatepost.gateways
     WHERE {state:String} = '' OR state = {state:String}
     ORDER BY indexOf(['down', 'late', 'up'], state), last_seen, gw_id`,
    { state: downOnly ? 'down' : '' },
  )
  return z.array(gateway).parse(rows)
}

/** The protocol's default for a gateway whose interval is not known. */
const DEFAULT_INTERVAL_SECONDS = 60

/**
 * Within how many seconds each session's next report comes; null: its gateway has sent no counters for a day, as wifidog-ng 2 never does. The reports of
 * a round follow each other, so up to two intervals may pass between those of one client.
 */
export async function reportsWithin(
  store: TableStore,
  asked: readonly { readonly gw_id: string; readonly session_id: string }[],
): Promise<(number | null)[]> {
  const named = asked.map(({ gw_id }) => gw_id).filter((gwId) => gwId !== '')
  const parameters = { gateways: named, sessions: asked.map(({ session_id }) => session_id) }
  const intervals = z
    .array(gateway.pick({ gw_id: true, interval_seconds: true }))
    .parse(
      await store.query(
        'SELECT gw_id, interval_seconds FROM gatepost.gateways WHERE gw_id IN {gateways:Array(String)}',
        parameters,
      ),
    )
  const [counted] = await store.query<{ gateways: string[]; sessions: string[] }>(
    `SELECT groupUniqArrayIf(gw_id, gw_id IN {gateways:Array(String)}) AS gateways,
       groupUniqArrayIf(session_id, session_id IN {sessions:Array(String)}) AS sessions
     FROM gatepost.gateway_auth
     WHERE received_at > now64(3) - INTERVAL 1 DAY AND stage = 'counters'
       AND (session_id IN {sessions:Array(String)} OR gw_id IN {gateways:Array(String)})`,
    parameters,
  )
  const interval = new Map(intervals.map(({ gw_id, interval_seconds }) => [gw_id, interval_seconds]))
  return asked.map(({ gw_id, session_id }) => {
    const sendsCounters = counted.gateways.includes(gw_id) || counted.sessions.includes(session_id)
    return sendsCounters ? 2 * (interval.get(gw_id) ?? DEFAULT_INTERVAL_SECONDS) : null
  })
}
