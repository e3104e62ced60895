import type { MetricDefinition } from '../reporter/definitions.ts'
import type { FieldValue } from '../reporter/fields.ts'
import type { MetricResult } from '../reporter/metric.ts'
import type { MetricRow } from '../reporter/stored-metric.ts'
import { csv } from './csv.ts'
import { table } from './output.ts'

/** Results of one metric as text: for people as a table, for programs as CSV. */

/** One line of headings and one line for each result, or for each row of a result that has rows. */
export function metricCsv(metric: MetricDefinition, results: readonly MetricResult[]): string {
  const names = Object.keys(metric.fields.shape)
  const lines = results.flatMap((result) =>
    rowsOf(metric, result).map((row) => [
      result.metric_name,
      result.period,
      result.date,
      ...names.map((name) => row[name]),
      // The columns do not depend on what the results are.
      result.stored ?? false,
      result.complete ?? true,
    ]),
  )
  return csv(['metric_name', 'period', 'date', ...names, 'stored', 'complete'], lines)
}

/** One result: its fields below each other, or its rows. */
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

function rowsOf(metric: MetricDefinition, result: MetricResult): readonly MetricRow[] {
  return metric.rowsPer === undefined ? [result as MetricRow] : (result['rows'] as readonly MetricRow[])
}

/** Means and ratios have as many digits as a person reads. */
function cell(value: FieldValue): string | number {
  return typeof value === 'number' ? Number(value.toFixed(4)) : (value ?? 'none')
}
