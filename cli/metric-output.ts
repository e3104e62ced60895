import type { MetricDefinition } from '../reporter/metrics/definitions.ts'
import type { FieldValue } from '../reporter/metrics/fields.ts'
import type { MetricResult } from '../reporter/metrics/metric.ts'
import { rowsOf } from '../reporter/metrics/metric-csv.ts'
import { table } from './output.ts'

/** Results of one metric as text, for people. */

/** One result: its fields one per line, or its rows as a table. */
export function metricText(metric: MetricDefinition, result: MetricResult): string {
  const window = metric.window ? 'as of' : `the ${result.period} before`
  const title = `${result.metric_name}, ${window} ${result.date} (UTC)`
  const names = Object.keys(metric.fields.shape)
  const rows = rowsOf(metric, result)
  const cells =
    metric.rowsPer === undefined
      ? table(
          ['field', 'value'],
          names.map((name) => [name, cell(rows[0][name])]),
        )
      : table(
          names,
          rows.map((row) => names.map((name) => cell(row[name]))),
        )
  return `${title}\n${cells}`
}

/** Several results: a line for each, or for each row. */
export function seriesText(metric: MetricDefinition, results: readonly MetricResult[]): string {
  const names = Object.keys(metric.fields.shape)
  return table(
    ['date', ...names],
    results.flatMap((result) =>
      rowsOf(metric, result).map((row) => [result.date, ...names.map((name) => cell(row[name]))]),
    ),
  )
}

/** Means and ratios are rounded for readability. */
function cell(value: FieldValue): string | number {
  return typeof value === 'number' ? Number(value.toFixed(4)) : (value ?? 'none')
}
