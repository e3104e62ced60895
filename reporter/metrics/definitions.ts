import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { packageFile } from '../../common/package-root.ts'
import type { Retention } from '../../store/retention.ts'
import { all, count, integer, type FieldValue } from './fields.ts'
import { monthToDate, newAccountsMonth, PERIODS, thirtyDaysBefore, type Period, type Window } from './window.ts'

/** One metric: its query, and the fields that the query must return. */
export interface MetricDefinition {
  readonly name: string
  readonly description: string
  /** The first is the command's default. */
  readonly periods: readonly Period[]
  readonly fields: z.ZodObject<Record<string, z.ZodType<FieldValue>>>
  /** What the result has a row for, each with these fields; undefined: the result has the fields itself. */
  readonly rowsPer?: 'site' | 'gateway'
  /** The window that ends by `end`, the instant at which D begins; undefined: the period's own. */
  readonly window?: (end: Date) => Window
}

const KINDS = ['sms', 'email', 'sponsored'].flatMap((kind) => [`${kind}_period_before`, `${kind}_cumulative`])
const COMPLETION = ['', 'cumulative_'].flatMap((prefix) =>
  ['all', 'sms', 'email', 'sponsor'].flatMap((kind) => [`${prefix}${kind}_registered`, `${prefix}${kind}_logged_in`]),
)
const USERS_AT = z.strictObject({ users: count, run_time: z.iso.date() })

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
  {
    name: 'active-users',
    description: 'users who logged in successfully',
    periods: PERIODS,
    fields: z.strictObject({ users: count }),
  },
  {
    name: 'roaming-users',
    description: 'users who logged in at more than one known location; certificates that logged in',
    periods: PERIODS,
    fields: z.strictObject({ active: count, roaming: count, cba: count }),
  },
  {
    name: 'user-devices',
    description: 'devices of an average user, successful or not',
    periods: PERIODS,
    fields: z.strictObject({ devices: z.number().nonnegative().nullable() }),
  },
  {
    name: 'volumetrics',
    description: 'accounts created, by how they were registered',
    periods: PERIODS,
    fields: z.strictObject(all(['period_before', 'cumulative', ...KINDS], count)),
  },
  {
    name: 'completion-rate',
    description: 'accounts created and those that ever logged in, by how they were registered',
    periods: PERIODS,
    fields: z.strictObject(all(COMPLETION, count)),
  },
  {
    name: 'inactive-users',
    description: "accounts created in the month before the date's, with and without a login",
    periods: ['month'],
    fields: z.strictObject({ new_active_users: count, new_inactive_users: count, days: count }),
    window: newAccountsMonth,
  },
  {
    name: 'monthly-rolling-window-total-active-users',
    description: 'active users of the 30 days before the date',
    periods: ['day'],
    fields: USERS_AT,
    window: thirtyDaysBefore,
  },
  {
    name: 'monthly-rolling-window-total-roaming-users',
    description: 'roaming users of the 30 days before the date',
    periods: ['day'],
    fields: USERS_AT,
    window: thirtyDaysBefore,
  },
  {
    name: 'month-to-date-total-active-users',
    description: "active users of the days of the date's month before it",
    periods: ['day'],
    fields: USERS_AT,
    window: monthToDate,
  },
  {
    name: 'month-to-date-total-roaming-users',
    description: "roaming users of the days of the date's month before it",
    periods: ['day'],
    fields: USERS_AT,
    window: monthToDate,
  },
  {
    name: 'request-stats',
    description: 'logins of an hour by site, accepted and not',
    periods: ['hour'],
    fields: z.strictObject({ site_ip: z.string(), successes: count, failures: count }),
    rowsPer: 'site',
  },
  {
    name: 'gateway-availability',
    description: 'heartbeats of each gateway, against those expected of it',
    periods: PERIODS,
    fields: z.strictObject({
      gw_id: z.string(),
      expected: count,
      seen: count,
      ratio: z.number().min(0).max(1),
      longest_gap_seconds: count,
    }),
    rowsPer: 'gateway',
  },
  {
    name: 'traffic',
    description: 'bytes, sessions and devices of each gateway',
    periods: PERIODS,
    fields: z.strictObject({ gw_id: z.string(), incoming: count, outgoing: count, sessions: count, devices: count }),
    rowsPer: 'gateway',
  },
]

export function metricNamed(name: string): MetricDefinition | undefined {
  return METRICS.find((metric) => metric.name === name)
}

/** The metric's query over {start} and {end}; its file begins with the definition in words. */
export function metricSql(metric: MetricDefinition): string {
  return readFileSync(packageFile(`reporter/metrics/${metric.name}.sql`), 'utf8')
}

/**
 * For how many days back a metric's query finds all its rows: as many as the table of those it reads that keeps them for the shortest time.
 * Null: none of them expires, and windows of any age can be computed.
 */
export function daysKept(sql: string, retention: Retention): number | null {
  const kept = Object.entries(retention).filter(([table]) => new RegExp(`\\bgatepost\\.${table}\\b`).test(sql))
  return kept.length === 0 ? null : Math.min(...kept.map(([, days]) => days))
}
