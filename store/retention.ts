import type { Logger } from '../common/logger.ts'
import { fieldsHolding, streamOf, TOPICS, type FollowingTable, type Topic } from '../schemas/streams/index.ts'
import { DATABASE, type SqlConnection } from './sql.ts'

/*
 * Every table that expires does so by `TTL <time> + toIntervalDay(<days>)`; the migrations write the default number of
 * days. Rows go one by one and not by whole parts (ttl_only_drop_parts): a merged part spans a month, and would keep
 * people's data a month too long.
 */

/**
 * Tables with a time of their own, and the raw table that each follows unless it has one. Never a shorter one: what comes late into the raw
 * table is put beside what came before it, which must be there (of session_hours: the bytes that a session had by then; of
 * access_decisions: why it was denied).
 */
export const FOLLOWS = Object.fromEntries(
  TOPICS.flatMap((topic) => streamOf(topic).followedBy.map((table) => [table, topic])),
) as Readonly<Record<FollowingTable, Topic>>

/** Tables that the view `sessions` puts together with session_hours: with other times of their own it would tell nonsense. */
export const KEPT_WITH = {
  session_origins: 'session_hours',
  session_gateways: 'session_hours',
  session_logins: 'session_hours',
  session_rivals: 'session_hours',
  session_reasons: 'session_hours',
} as const satisfies Record<string, FollowingTable>

/** Tables whose days can be said. */
export type KeptTable = Topic | FollowingTable
export const KEPT_TABLES: readonly KeptTable[] = [...TOPICS, ...keysOf(FOLLOWS)]

/** Of these, tables that know nobody: gateways, and not who is behind them. */
export const NAMELESS: readonly KeptTable[] = TOPICS.filter(
  (topic) => streamOf(topic).fields.length === fieldsHolding(topic, null).length,
).flatMap((topic) => [topic, ...streamOf(topic).followedBy])

/** For how many days each table that expires keeps its rows. Plain data, since processes tell it each other. */
export type Retention = Readonly<Record<KeptTable | keyof typeof KEPT_WITH, number>>
export type DaysByTable = Readonly<Partial<Record<KeptTable, number>>>

/** The retention of all tables, from that of all raw ones and from what is said of single tables. */
export function retentionOf(days: number, byTable: DaysByTable = {}): Retention {
  const kept: Record<string, number> = {}
  for (const topic of TOPICS) kept[topic] = byTable[topic] ?? days
  for (const table of keysOf(FOLLOWS)) kept[table] = byTable[table] ?? kept[FOLLOWS[table]]
  for (const table of keysOf(KEPT_WITH)) kept[table] = kept[KEPT_WITH[table]]
  return kept as Retention
}

function keysOf<T extends object>(of: T): (keyof T)[] {
  return Object.keys(of) as (keyof T)[]
}

export const DEFAULT_RETENTION = retentionOf(32)

const DAY_MS = 24 * 3_600_000
/** Rows are dropped some time after they expire, not at once, and clocks differ. */
const EXPIRY_MARGIN_MS = 3_600_000

/** From when on all rows are there, by the time at which they were received, of a table that keeps them for so many days; ms since the epoch. */
export function wholeSince(days: number): number {
  return Date.now() - days * DAY_MS + EXPIRY_MARGIN_MS
}

const TTL = / TTL (.+?) \+ toIntervalDay\((\d+)\)/

/** Makes the tables expire after this many days. A shorter retention rewrites old parts, in the background. */
export async function applyRetention(sql: SqlConnection, retention: Retention, logger: Logger): Promise<void> {
  const tables = await sql.rows<{ name: string; engine_full: string }>(
    `SELECT name, engine_full FROM system.tables WHERE database = '${DATABASE}' AND engine_full LIKE '% TTL %'`,
  )
  for (const { name, engine_full } of tables) {
    const ttl = TTL.exec(engine_full)
    // In a cluster the tables that expire are the nodes' own. A table that is not Gatepost's is left as it is.
    const days = (retention as Readonly<Partial<Record<string, number>>>)[name.replace(/_local$/, '')]
    if (!ttl || days === undefined || Number(ttl[2]) === days) continue
    await sql.run(`ALTER TABLE ${DATABASE}.${name} MODIFY TTL ${ttl[1]} + toIntervalDay(${days})`)
    logger.info({ table: name, days, before: Number(ttl[2]) }, 'retention changed')
  }
}
