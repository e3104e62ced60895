import type { Logger } from '../common/logger.ts'
import { descriptorOf, STREAMS, type FollowingTable, type Stream } from '../schemas/streams/index.ts'
import { DATABASE, type SqlConnection } from './sql.ts'

/*
 * Every expiring table has `TTL <time> + toIntervalDay(<days>)`; the migrations write the default number of days. Rows expire one by one,
 * not by whole parts (ttl_only_drop_parts): a merged part spans a month, and would keep personal data a month too long.
 */

/**
 * Tables that can have their own retention, and the raw table whose retention each has by default. It is never shorter: late rows of the raw
 * table are combined with earlier results, which must still be there (session_hours: the bytes of a session so far; access_decisions: why it
 * was denied).
 */
export const FOLLOWS = Object.fromEntries(
  STREAMS.flatMap((stream) => descriptorOf(stream).followedBy.map((table) => [table, stream])),
) as Readonly<Record<FollowingTable, Stream>>

/** Tables that the views of sessions join with these: with another retention the views would be wrong. */
export const KEPT_WITH = {
  session_origins: 'session_hours',
  session_gateways: 'session_hours',
  session_logins: 'session_hours',
  session_rivals: 'session_hours',
  session_reasons: 'session_hours',
  session_client_logins: 'session_hours',
  session_next_logins: 'session_hours',
  session_denials: 'session_hours',
  radius_nas_restarts: 'radius_session_days',
  radius_disconnects: 'radius_session_days',
} as const satisfies Record<string, FollowingTable>

/** Tables whose retention can be configured. */
export type KeptTable = Stream | FollowingTable
export const KEPT_TABLES: readonly KeptTable[] = [...STREAMS, ...keysOf(FOLLOWS)]

/** Those of them without personal data: they name gateways, and the credentials of programs, only. */
export const NAMELESS: readonly KeptTable[] = STREAMS.filter((stream) =>
  descriptorOf(stream).fields.every(({ holds }) => holds === null || holds === 'writer'),
).flatMap((stream) => [stream, ...descriptorOf(stream).followedBy])

/** Retention in days of each expiring table. Plain data, since processes send it to each other. */
export type Retention = Readonly<Record<KeptTable | keyof typeof KEPT_WITH, number>>
export type DaysByTable = Readonly<Partial<Record<KeptTable, number>>>

/** The retention of all tables, from the default and from the configuration of single tables. */
export function retentionOf(days: number, byTable: DaysByTable = {}): Retention {
  const kept: Record<string, number> = {}
  for (const stream of STREAMS) kept[stream] = byTable[stream] ?? days
  for (const table of keysOf(FOLLOWS)) kept[table] = byTable[table] ?? kept[FOLLOWS[table]]
  for (const table of keysOf(KEPT_WITH)) kept[table] = kept[KEPT_WITH[table]]
  return kept as Retention
}

function keysOf<T extends object>(of: T): (keyof T)[] {
  return Object.keys(of) as (keyof T)[]
}

export const DEFAULT_RETENTION = retentionOf(32)

const DAY_MS = 24 * 3_600_000
/** Expired rows are dropped with a delay, and clocks differ. */
const EXPIRY_MARGIN_MS = 3_600_000

/** Since when all rows are certainly still there, by receive time, for a table with this retention; ms since the epoch. */
export function wholeSince(days: number): number {
  return Date.now() - days * DAY_MS + EXPIRY_MARGIN_MS
}

const TTL = / TTL (.+?) \+ toIntervalDay\((\d+)\)/

/** Sets the tables' TTL. A shorter retention rewrites old parts in the background. */
export async function applyRetention(sql: SqlConnection, retention: Retention, logger: Logger): Promise<void> {
  const tables = await sql.rows<{ name: string; engine_full: string }>(
    `SELECT name, engine_full FROM system.tables WHERE database = '${DATABASE}' AND engine_full LIKE '% TTL %'`,
  )
  for (const { name, engine_full } of tables) {
    const ttl = TTL.exec(engine_full)
    // In a cluster the TTL belongs to the nodes' own tables. Tables that are not Gatepost's are not changed.
    const days = (retention as Readonly<Partial<Record<string, number>>>)[name.replace(/_local$/, '')]
    if (!ttl || days === undefined || Number(ttl[2]) === days) continue
    await sql.run(`ALTER TABLE ${DATABASE}.${name} MODIFY TTL ${ttl[1]} + toIntervalDay(${days})`)
    logger.info({ event: 'store.retention_changed', table: name, days, before: Number(ttl[2]) }, 'retention changed')
  }
}
