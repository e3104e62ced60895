import { rows, type Side } from './side.ts'

/** A table that is moved. */
export interface MovedTable {
  readonly name: string
  /** Columns that are stored, quoted. */
  readonly columns: readonly string[]
  /** The expression by which its rows are divided into pieces. */
  readonly key: string
  /**
   * The column of time of a table whose rows must not be doubled; null: there is none. In other tables (Replacing…, Aggregating…) equal rows
   * become one.
   */
  readonly time: string | null
  readonly merges: boolean
}

/** Of each installation: who owns parts of the log, who runs a job, which migrations were run. */
const NOT_MOVED = ['partition_claims', 'leases', 'schema_migrations', 'migration_steps']

export async function movedTables(side: Side): Promise<MovedTable[]> {
  const tables = await rows<{ name: string; engine: string; sorting_key: string }>(
    side,
    `SELECT name, engine, sorting_key FROM system.tables WHERE database = 'gatepost' AND engine LIKE '%MergeTree' ORDER BY name`,
  )
  const columns = await rows<{ table: string; name: string }>(
    side,
    `SELECT table, name FROM system.columns WHERE database = 'gatepost' AND default_kind NOT IN ('MATERIALIZED', 'ALIAS') ORDER BY table, position`,
  )
  return tables
    .filter(({ name }) => !NOT_MOVED.includes(name))
    .map(({ name, engine, sorting_key }) => {
      const own = columns.filter(({ table }) => table === name).map((column) => column.name)
      return {
        name,
        columns: own.map((column) => `\`${column}\``),
        key: sorting_key,
        time: ['received_at', 'at'].find((column) => own.includes(column)) ?? null,
        merges: engine !== 'MergeTree',
      }
    })
}

/** Hours from `since` on, and before `before`, in seconds since the epoch. */
export interface Span {
  readonly since: number
  readonly before: number
}

/**
 * What each hour of a table without merges holds: the number of its rows and the sum of their hashes. Equal on both sides if nothing is
 * missing and nothing is there twice. Key: the hour as seconds since the epoch, or 0 for a table without time.
 */
export async function hoursOf(
  side: Side,
  { name, time, columns }: MovedTable,
  span: Span,
): Promise<Map<number, HourSum>> {
  const hour = time === null ? '0' : `toUnixTimestamp(toStartOfHour(${time}))`
  const where =
    time === null
      ? ''
      : `WHERE ${time} >= toDateTime64(${span.since}, 3, 'UTC') AND ${time} < toDateTime64(${span.before}, 3, 'UTC')`
  // As text: the hash of a null would be null.
  const hash = `cityHash64(toString(tuple(${columns.join(', ')})))`
  const found = await rows<{ h: number; n: string; s: string }>(
    side,
    `SELECT toUInt32(${hour}) AS h, toString(count()) AS n, toString(sum(${hash})) AS s FROM gatepost.${name} ${where} GROUP BY h ORDER BY h`,
  )
  return new Map(found.map(({ h, n, s }) => [Number(h), { rows: Number(n), hash: s }]))
}

export interface HourSum {
  readonly rows: number
  readonly hash: string
}

/** The rows of an hour in the span, as a condition. */
export function ofHour({ time }: MovedTable, hour: number, { before }: Span): string {
  if (time === null) return '1'
  const end = Math.min(hour + 3600, before)
  return `${time} >= toDateTime64(${hour}, 3, 'UTC') AND ${time} < toDateTime64(${end}, 3, 'UTC')`
}
