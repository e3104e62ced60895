import type { MetricDefinition } from '../../metrics/definitions.ts'
import type { MetricResult } from '../../metrics/metric.ts'
import { rowsOf } from '../../metrics/metric-csv.ts'

/** Names of rows; and the date of a run. */
const NOT_NUMBERS: readonly string[] = ['site_ip', 'gw_id', 'run_time']

/** Fields of a metric that are numbers. */
export function numericFields({ fields }: MetricDefinition): string[] {
  return Object.keys(fields.shape).filter((name) => !NOT_NUMBERS.includes(name))
}

/** Of a result with rows, by field: the sum; of a ratio the mean, of a gap the longest. Null: there are no rows. */
export function totalsOf(metric: MetricDefinition, result: MetricResult): Record<string, number | null> {
  const rows = rowsOf(metric, result)
  return Object.fromEntries(
    numericFields(metric).map((field) => {
      const values = rows.map((row) => Number(row[field]))
      if (values.length === 0) return [field, field === 'ratio' ? null : 0]
      if (field === 'longest_gap_seconds') return [field, values.reduce((most, value) => Math.max(most, value), 0)]
      const sum = values.reduce((all, value) => all + value, 0)
      return [field, field === 'ratio' ? sum / values.length : sum]
    }),
  )
}
