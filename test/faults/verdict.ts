import { LOAD_TABLES, type Load, type LoadRoute, type RunQuery } from '../helpers/load.ts'

/** The outcome of the acknowledged records. */
export interface Verdict {
  /** Acknowledged ids that are not in their table, with the time at which they were sent. */
  readonly lost: Map<string, number>
  /** Ids that are in their table more than once; the time is 0 for one that was not acknowledged. */
  readonly duplicated: Map<string, number>
  readonly acknowledged: number
  readonly stored: number
}

/** Compares the acknowledged ids with the tables, table by table. */
export async function judge(query: RunQuery, load: Load): Promise<Verdict> {
  const verdict = { lost: new Map<string, number>(), duplicated: new Map<string, number>(), acknowledged: 0, stored: 0 }
  for (const [route, { table, column, prefix }] of Object.entries(LOAD_TABLES)) {
    const rows = await query<{ id: string; n: number }>(
      `SELECT ${column} AS id, toUInt32(count()) AS n FROM gatepost.${table} WHERE startsWith(${column}, '${prefix}') GROUP BY id`,
    )
    const acknowledged = load.acknowledged[route as LoadRoute]
    const stored = new Map(rows.map(({ id, n }) => [id, n]))
    for (const [id, n] of stored) if (n > 1) verdict.duplicated.set(id, acknowledged.get(id) ?? 0)
    for (const [id, sentAt] of acknowledged) if (!stored.has(id)) verdict.lost.set(id, sentAt)
    verdict.acknowledged += acknowledged.size
    verdict.stored += stored.size
  }
  return verdict
}

/**
 * Derived state is a pure function of the raw rows: compares the tables that the views have built under all those faults with the result
 * of the raw rows, which is the result of an undisturbed run.
 */
const DERIVED = {
  gateway_latest: [
    `SELECT gw_id, toString(max(last_seen)), toString(max(heartbeat)) FROM gatepost.gateway_latest GROUP BY gw_id`,
    `SELECT gw_id, toString(max(received_at)), toString(max(tuple(received_at, batch_id, batch_index, remote_ip,
      toString(user_agent), sys_uptime, sys_memfree, sys_load, wifidog_uptime)))
     FROM gatepost.gateway_pings WHERE trusted = 1 GROUP BY gw_id`,
  ],
  gateway_runs: [
    `SELECT gw_id, day, toString(minMap(first_seen)), toString(maxMap(last_seen)) FROM gatepost.gateway_runs
     GROUP BY gw_id, day`,
    `SELECT gw_id, toDate(received_at) AS day,
      toString(minMap(map(toUnixTimestamp(received_at)::Int64 - wifidog_uptime::Int64, toUnixTimestamp(received_at)::Int64))),
      toString(maxMap(map(toUnixTimestamp(received_at)::Int64 - wifidog_uptime::Int64, toUnixTimestamp(received_at)::Int64)))
     FROM gatepost.gateway_pings WHERE trusted = 1 GROUP BY gw_id, day`,
  ],
} as const

/** The number of rows of each derived table that differ from the raw rows. */
export async function derivedDifferences(query: RunQuery): Promise<Record<string, number>> {
  const differences: Record<string, number> = {}
  for (const [table, [built, computed]] of Object.entries(DERIVED)) {
    let count = 0
    for (const [one, other] of [
      [built, computed],
      [computed, built],
    ]) {
      const [row] = await query<{ n: number }>(
        `SELECT toUInt32(count()) AS n FROM (SELECT * FROM (${one}) EXCEPT SELECT * FROM (${other}))`,
      )
      count += row.n
    }
    differences[table] = count
  }
  return differences
}
