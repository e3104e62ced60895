import { GatepostError } from '../common/errors.ts'
import { insertRows, type TableStore } from './table-store.ts'

/** What identifies a result in table `metrics`; computing it again adds a row, and the newest counts. */
export interface MetricKey {
  readonly metric_name: string
  readonly period: string
  /** D, the day on which the window ends: 2024-03-01. */
  readonly date: string
}

export type MetricFields = Readonly<Record<string, number>>

export async function storeMetric(store: TableStore, key: MetricKey, fields: MetricFields, now: Date): Promise<void> {
  const row = { ...key, fields: JSON.stringify(fields), computed_at: now.toISOString().replace('T', ' ').slice(0, 23) }
  await insertRows(store, 'gatepost.metrics (metric_name, period, date, fields, computed_at)', [row])
}

/** The newest stored result; null if there is none. */
export async function storedMetric(store: TableStore, key: MetricKey): Promise<MetricFields | null> {
  const rows = await store.query<{ fields: string }>(
    `SELECT fields FROM gatepost.metrics
     WHERE metric_name = {metric_name:String} AND period = {period:String} AND date = {date:Date}
     ORDER BY computed_at DESC LIMIT 1`,
    { ...key },
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
