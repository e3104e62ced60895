import { descriptorOf, STREAMS } from '../../schemas/streams/index.ts'
import type { TableStore } from '../../store/table-store.ts'

const MINUTE_MS = 60_000
const MINUTES = 60

export interface LoginMinute {
  /** When the minute begins, ms since the epoch. */
  readonly at: number
  readonly accepted: number
  readonly refused: number
}

/** Intake of one raw table. */
export interface TableIntake {
  readonly table: string
  /** Records received in the last five minutes. */
  readonly last_five_minutes: number
  /** When the latest record of the last day was received, UTC; null: none. */
  readonly latest: string | null
}

export interface StateCounts {
  /** Sessions that have not ended, by state: issued, validating, active. */
  readonly sessions: Readonly<Record<string, number>>
  /** By state: up, late, down. */
  readonly gateways: Readonly<Record<string, number>>
  /** Identifiers that several gateways have. */
  readonly same_id: number
}

/** The current state of the installation. */
export interface Overview extends StateCounts {
  /** The last hour, with an entry for every minute; the last minute is not over yet. */
  readonly logins: readonly LoginMinute[]
  readonly intake: readonly TableIntake[]
}

const RAW_TABLES = STREAMS.filter((stream) => descriptorOf(stream).inOverview)

/** Reads the last hour of logins, the states of gateways and sessions, and one day of each raw table's times. */
export async function overviewOf(store: TableStore, now: Date): Promise<Overview> {
  const [logins, states, intake] = await Promise.all([loginMinutes(store, now), stateCounts(store), tableIntake(store)])
  return { logins, ...states, intake }
}

/** How many gateways and sessions there are now, by state; each state is there, also when it is nobody's. */
export async function stateCounts(store: TableStore): Promise<StateCounts> {
  const [sessions, gateways] = await Promise.all([
    countsByState(store, "gatepost.sessions AS one WHERE one.state IN ('issued', 'validating', 'active')"),
    store.query<{ state: string; number: number; same_id: number }>(
      `SELECT one.state AS state, toUInt32(count()) AS number, toUInt32(countIf(one.warning = 'same_id')) AS same_id
       FROM gatepost.gateways AS one GROUP BY state`,
    ),
  ])
  const byState = Object.fromEntries(gateways.map(({ state, number }) => [state, number]))
  return {
    sessions: { issued: 0, validating: 0, active: 0, ...sessions },
    gateways: { up: 0, late: 0, down: 0, ...byState },
    same_id: gateways.reduce((sum, { same_id }) => sum + same_id, 0),
  }
}

async function loginMinutes(store: TableStore, now: Date): Promise<LoginMinute[]> {
  const last = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS
  const first = last - (MINUTES - 1) * MINUTE_MS
  const rows = await store.query<{ minute: number; accepted: number; refused: number }>(
    `SELECT toUnixTimestamp(toStartOfMinute(received_at)) AS minute, toUInt32(countIf(success = 1)) AS accepted,
       toUInt32(countIf(success = 0)) AS refused
     FROM gatepost.post_auth WHERE received_at >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') GROUP BY minute`,
    { first },
  )
  const found = new Map(rows.map((row) => [row.minute * 1000, row]))
  return Array.from({ length: MINUTES }, (_, index) => {
    const at = first + index * MINUTE_MS
    const { accepted = 0, refused = 0 } = found.get(at) ?? {}
    return { at, accepted, refused }
  })
}

async function countsByState(store: TableStore, from: string): Promise<Record<string, number>> {
  const rows = await store.query<{ state: string; number: number }>(
    `SELECT one.state AS state, toUInt32(count()) AS number FROM ${from} GROUP BY state`,
  )
  return Object.fromEntries(rows.map(({ state, number }) => [state, number]))
}

/** The rate and the latest record of each raw table. */
export function tableIntake(store: TableStore): Promise<TableIntake[]> {
  const parts = RAW_TABLES.map(
    (table) =>
      `SELECT '${table}' AS table, toUInt32(countIf(received_at >= now() - INTERVAL 5 MINUTE)) AS last_five_minutes,
         toString(maxOrNull(received_at)) AS latest
       FROM gatepost.${table} WHERE received_at >= now() - INTERVAL 1 DAY`,
  )
  return store.query<TableIntake>(`SELECT * FROM (${parts.join(' UNION ALL ')}) ORDER BY table`)
}
