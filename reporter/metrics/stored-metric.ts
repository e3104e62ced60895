import { GatepostError } from '../../common/errors.ts'
import { sqlTime } from '../../common/sql-time.ts'
import type { FieldValue } from './fields.ts'
import { insertRows, type TableStore } from '../../store/table-store.ts'

/** Identifies a result in table `metrics`. Computing it again adds a row, and the newest row wins. */
export interface MetricKey {
  readonly metric_name: string
  readonly period: string
  /** D, at whose beginning the window ends: 2024-03-01; for period hour 2024-03-01T13. */
  readonly date: string
}

/** One row of a metric that has a row per site or gateway. */
export type MetricRow = Readonly<Record<string, FieldValue>>

/** The fields; or, in the single field `rows`, the rows. */
export type MetricFields = Readonly<Record<string, FieldValue | readonly MetricRow[]>>

export async function storeMetric(store: TableStore, key: MetricKey, fields: MetricFields, now: Date): Promise<void> {
  const row = {
    ...keyColumns(key),
    fields: JSON.stringify(fields),
    computed_at: sqlTime(now),
  }
  await insertRows(store, 'gatepost.metrics (metric_name, period, date, hour, fields, computed_at)', [row])
}

/** The key as table columns: `date` is a day. */
export function keyColumns({ metric_name, period, date }: MetricKey) {
  return { metric_name, period, date: date.slice(0, 10), hour: Number(date.slice(11)) }
}

/** The newest stored result; null if there is none. */
export async function storedMetric(store: TableStore, key: MetricKey): Promise<MetricFields | null> {
  const rows = await store.query<{ fields: string }>(
    `SELECT fields FROM gatepost.metrics
     WHERE metric_name = {metric_name:String} AND period = {period:String} AND date = {date:Date} AND hour = {hour:UInt8}
     ORDER BY computed_at DESC LIMIT 1`,
    keyColumns(key),
  )
  return rows.length === 0 ? null : parseFields(rows[0].fields, key)
}

function parseFields(text: string, key: MetricKey): MetricFields {
  try {
    return JSON.parse(text) as MetricFields
  } catch (error) {
    throw new GatepostError('STORE_REFUSED', `stored ${key.metric_name} of ${key.date} is not JSON: ${text}`, error)
  }
}
