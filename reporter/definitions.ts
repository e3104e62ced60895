import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { packageFile } from '../common/package-root.ts'
import { PERIODS, type Period } from './window.ts'

/** One metric: its query, and the fields that the query must return. */
export interface MetricDefinition {
  readonly name: string
  readonly description: string
  readonly periods: readonly Period[]
  readonly fields: z.ZodObject<Record<string, z.ZodType<number>>>
}

/** The engine writes 64-bit integers as text; a count beyond 2^53 would be an error in the query. */
const integer = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d+$/)
      .transform(Number),
  ])
  .pipe(z.number().int())
const count = integer.pipe(z.number().nonnegative())

export const METRICS: readonly MetricDefinition[] = [
  {
    name: 'account-usage',
    description: 'users, and the locations at which they logged in successfully',
    periods: PERIODS,
    fields: z.strictObject({ total: count, transactions: count, roaming: count, one_time: integer }),
  },
  {
    name: 'unique-users',
    description: 'users of an average weekday, successful or not',
    periods: PERIODS,
    fields: z.strictObject({ count }),
  },
]

export function metricNamed(name: string): MetricDefinition | undefined {
  return METRICS.find((metric) => metric.name === name)
}

/** The metric's query over {start} and {end}; its file begins with the definition in words. */
export function metricSql(metric: MetricDefinition): string {
  return readFileSync(packageFile(`reporter/metrics/${metric.name}.sql`), 'utf8')
}
