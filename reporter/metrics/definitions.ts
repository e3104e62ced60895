import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { packageFile } from '../../common/package-root.ts'
import type { KeptTable, Retention } from '../../store/retention.ts'
import { all, count, integer, type FieldValue } from './fields.ts'
import { monthToDate, newAccountsMonth, PERIODS, thirtyDaysBefore, type Period, type Window } from './window.ts'

/** Tables that metrics read and that do not expire. */
type LastingTable = 'accounts' | 'account_status' | 'ip_locations'

/** Shared beginnings of queries, in reporter/metrics/fragments: they define names for the query. */
type Fragment = 'window-days' | 'sites' | 'roaming' | 'account-kinds'

/** The table of login days, which queries name as {logins:Identifier}, and the one that keeps them longer, under pseudonyms. */
export const LOGIN_DAYS = { table: 'login_calendar', history: 'login_history' } as const

/** One metric: its query, the tables that it reads, and the fields that it returns. */
export interface MetricDefinition {
  readonly name: string
  readonly description: string
  /** The first is the command's default. */
  readonly periods: readonly Period[]
  readonly fields: z.ZodObject<Record<string, z.ZodType<FieldValue>>>
  /** What the result has one row for, each with these fields; undefined: the result itself has the fields. */
  readonly rowsPer?: 'site' | 'gateway'
  /** Tables that the query names directly. */
  readonly tables: readonly (KeptTable | LastingTable)[]
  /** Set if it counts login days, which may come from either table. */
  readonly source?: typeof LOGIN_DAYS
  /** Prepended to the query, in this order. */
  readonly fragments?: readonly Fragment[]
  /** The window that ends at `end`, the instant at which D begins; undefined: the period's own window. */
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
    tables: ['ip_locations'],
    source: LOGIN_DAYS,
    fragments: ['window-days', 'sites'],
  },
  {
    name: 'unique-users',
    description: 'users of an average weekday, successful or not',
    periods: PERIODS,
    fields: z.strictObject({ count }),
    tables: [],
    source: LOGIN_DAYS,
    fragments: ['window-days'],
  },
  {
    name: 'active-users',
    description: 'users who logged in successfully',
    periods: PERIODS,
    fields: z.strictObject({ users: count }),
    tables: [],
    source: LOGIN_DAYS,
    fragments: ['window-days'],
  },
  {
    name: 'roaming-users',
    description: 'users who logged in at more than one known location; certificates that logged in',
    periods: PERIODS,
    fields: z.strictObject({ active: count, roaming: count, cba: count }),
    tables: ['ip_locations'],
    source: LOGIN_DAYS,
    fragments: ['window-days', 'sites', 'roaming'],
  },
  {
    name: 'user-devices',
    description: 'devices of an average user, successful or not',
    periods: PERIODS,
    fields: z.strictObject({ devices: z.number().nonnegative().nullable() }),
    tables: [],
    source: LOGIN_DAYS,
    fragments: ['window-days'],
  },
  {
    name: 'volumetrics',
    description: 'accounts created, by how they were registered',
    periods: PERIODS,
    fields: z.strictObject(all(['period_before', 'cumulative', ...KINDS], count)),
    tables: ['accounts'],
    fragments: ['account-kinds'],
  },
  {
    name: 'completion-rate',
    description: 'accounts created and those that ever logged in, by how they were registered',
    periods: PERIODS,
    fields: z.strictObject(all(COMPLETION, count)),
    tables: ['account_status'],
    fragments: ['account-kinds'],
  },
  {
    name: 'inactive-users',
    description: "accounts created in the month before the date's, with and without a login",
    periods: ['month'],
    fields: z.strictObject({ new_active_users: count, new_inactive_users: count, days: count }),
    window: newAccountsMonth,
    tables: ['account_status'],
  },
  {
    name: 'monthly-rolling-window-total-active-users',
    description: 'active users of the 30 days before the date',
    periods: ['day'],
    fields: USERS_AT,
    window: thirtyDaysBefore,
    tables: [],
    source: LOGIN_DAYS,
    fragments: ['window-days'],
  },
  {
    name: 'monthly-rolling-window-total-roaming-users',
    description: 'roaming users of the 30 days before the date',
    periods: ['day'],
    fields: USERS_AT,
    window: thirtyDaysBefore,
    tables: ['ip_locations'],
    source: LOGIN_DAYS,
    fragments: ['window-days', 'sites', 'roaming'],
  },
  {
    name: 'month-to-date-total-active-users',
    description: "active users of the days of the date's month before it",
    periods: ['day'],
    fields: USERS_AT,
    window: monthToDate,
    tables: [],
    source: LOGIN_DAYS,
    fragments: ['window-days'],
  },
  {
    name: 'month-to-date-total-roaming-users',
    description: "roaming users of the days of the date's month before it",
    periods: ['day'],
    fields: USERS_AT,
    window: monthToDate,
    tables: ['ip_locations'],
    source: LOGIN_DAYS,
    fragments: ['window-days', 'sites', 'roaming'],
  },
  {
    name: 'request-stats',
    description: 'logins of an hour by site, accepted and not',
    periods: ['hour'],
    fields: z.strictObject({ site_ip: z.string(), successes: count, failures: count }),
    rowsPer: 'site',
    tables: ['post_auth'],
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
    tables: ['gateway_runs', 'gateway_pings'],
  },
  {
    name: 'traffic',
    description: 'bytes, sessions and devices of each gateway',
    periods: PERIODS,
    fields: z.strictObject({ gw_id: z.string(), incoming: count, outgoing: count, sessions: count, devices: count }),
    rowsPer: 'gateway',
    tables: ['session_hours', 'radius_session_days'],
  },
]

export function metricNamed(name: string): MetricDefinition | undefined {
  return METRICS.find((metric) => metric.name === name)
}

/** The metric's query over {start} and {end}, and {logins} if it has a source; the file starts with the definition in words. */
export function metricSql({ name, fragments = [] }: MetricDefinition): string {
  const query = sqlFile(name)
  if (fragments.length === 0) return query
  return `WITH\n${fragments.map((fragment) => sqlFile(`fragments/${fragment}`).trimEnd()).join(',\n')}\n${query}`
}

function sqlFile(name: string): string {
  return readFileSync(packageFile(`reporter/metrics/${name}.sql`), 'utf8')
}

/**
 * For how many days back a metric's query finds all its rows: the shortest retention among the tables that it reads. Null: none of them
 * expires, so windows of any age can be computed.
 */
export function daysKept({ tables, source }: MetricDefinition, retention: Retention): number | null {
  const read: readonly string[] = source === undefined ? tables : [...tables, source.table]
  const kept = Object.entries(retention).filter(([table]) => read.includes(table))
  return kept.length === 0 ? null : Math.min(...kept.map(([, days]) => days))
}
