import { csv } from '../../common/csv.ts'
import type { MetricDefinition } from './definitions.ts'
import type { MetricResult } from './metric.ts'
import type { MetricRow } from './stored-metric.ts'

/** A header line, and one line per result, or per row of a result with rows. */
export function metricCsv(metric: MetricDefinition, results: readonly MetricResult[]): string {
  const names = Object.keys(metric.fields.shape)
  const lines = results.flatMap((result) =>
    rowsOf(metric, result).map((row) => [
      result.metric_name,
      result.period,
      result.date,
      ...names.map((name) => row[name]),
      // The columns do not depend on the results.
      result.stored ?? false,
      result.complete ?? true,
    ]),
  )
  return csv(['metric_name', 'period', 'date', ...names, 'stored', 'complete'], lines)
}

/** The rows of a result, or the result itself as the only row. */
export function rowsOf(metric: MetricDefinition, result: MetricResult): readonly MetricRow[] {
  return metric.rowsPer === undefined ? [result as MetricRow] : (result['rows'] as readonly MetricRow[])
}
