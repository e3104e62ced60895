import { GatepostError } from '../../common/errors.ts'
import { sqlTime } from '../../common/sql-time.ts'
import type { Retention } from '../../store/retention.ts'
import { isInHistory } from '../login-history/copy.ts'
import { dateText, instantOf, latestAllowed, latestComplete } from './dates.ts'
import { daysKept, metricSql, type LOGIN_DAYS, type MetricDefinition } from './definitions.ts'
import { storedMetric, storeMetric, type MetricFields, type MetricKey } from './stored-metric.ts'
import type { TableStore } from '../../store/table-store.ts'
import { dayOf, oldestCompleteDay, windowEnding, type Period, type Window } from './window.ts'

export interface MetricRequest {
  readonly metric: MetricDefinition
  readonly period: Period
  /** D: the window ends when this UTC day, or hour, begins. Undefined: the current one. */
  readonly date: string | undefined
  /** Whether to compute from the remaining data when the first days of the window have expired; such a result is never stored. */
  readonly partial: boolean
  readonly retention: Retention
  readonly now: Date
}

/** The result of a metric: its key, its fields, and flags if it is not an ordinary result. */
export type MetricResult = MetricKey & MetricFields & { readonly stored?: true; readonly complete?: false }

export type MetricOutcome =
  | { readonly outcome: 'result'; readonly result: MetricResult }
  /** The raw data has expired and there is no stored result. */
  | { readonly outcome: 'expired'; readonly oldestCompleteDay: string }

/** The earliest instant of a Date, for tables that do not expire. */
const BEGINNING = new Date(-8.64e15)

/**
 * Computes a metric from the raw data or, if that is not complete any more, from the pseudonymous history, and stores it; otherwise reads
 * the stored result from table `metrics`. D may be tomorrow: the window is then today so far, and the result is marked incomplete and never
 * stored.
 * @throws GatepostError INPUT_INVALID: an invalid date, or one later than tomorrow
 */
export async function computeMetric(store: TableStore, request: MetricRequest): Promise<MetricOutcome> {
  const { metric, period, now } = request
  const { date, begins, window } = requestedWindow(request)
  const key: MetricKey = { metric_name: metric.name, period, date }

  const days = daysKept(metric, request.retention)
  const oldest = days === null ? BEGINNING : oldestCompleteDay(now, days)
  const whole = window.start >= oldest
  const running = begins > now
  const inHistory = !whole && metric.source !== undefined && (await isInHistory(store, window))
  if ((whole || inHistory) && !running) {
    // There are as many pseudonyms as people, so counts are the same.
    const fields = await compute(store, metric, inHistory ? 'history' : 'table', window)
    await storeMetric(store, key, fields, now)
    return { outcome: 'result', result: { ...key, ...fields } }
  }
  if (request.partial || running) {
    const fields = await compute(store, metric, 'table', window)
    return { outcome: 'result', result: { ...key, ...fields, complete: false } as MetricResult }
  }
  const stored = await storedMetric(store, key)
  if (stored === null) return { outcome: 'expired', oldestCompleteDay: dayOf(oldest) }
  return { outcome: 'result', result: { ...key, ...stored, stored: true } as MetricResult }
}

/**
 * D and the window of a request. Cheap, so that wrong dates are reported before anything is opened.
 * @throws GatepostError INPUT_INVALID
 */
export function requestedWindow({
  metric,
  period,
  date,
  now,
}: Pick<MetricRequest, 'metric' | 'period' | 'date' | 'now'>): {
  readonly date: string
  /** When D begins, which is when the window ends. */
  readonly begins: Date
  readonly window: Window
} {
  const begins = date === undefined ? latestComplete(period, now) : parseDate(period, date, now)
  return { date: dateText(period, begins), begins, window: metric.window?.(begins) ?? windowEnding(period, begins) }
}

/** @throws GatepostError INPUT_INVALID: not a date, or later than tomorrow */
export function parseDate(period: Period, date: string, now: Date): Date {
  const begins = instantOf(period, date)
  const unit = period === 'hour' ? 'hour' : 'day'
  if (begins === undefined) {
    const example = unit === 'hour' ? '2024-02-29T13' : '2024-02-29'
    throw new GatepostError(
      'INPUT_INVALID',
      `${date} is not ${unit === 'hour' ? 'an hour' : 'a day'}; write it as ${example}`,
    )
  }
  const allowed = latestAllowed(period, now)
  if (begins > allowed) {
    throw new GatepostError(
      'INPUT_INVALID',
      `${date} is in the future: the latest window that is over ends with ` +
        `${dateText(period, latestComplete(period, now))} (UTC), and ${dateText(period, allowed)} gives ` +
        `${unit === 'hour' ? 'this hour' : 'today'} so far`,
    )
  }
  return begins
}

async function compute(
  store: TableStore,
  metric: MetricDefinition,
  from: keyof typeof LOGIN_DAYS,
  window: Window,
): Promise<MetricFields> {
  const rows = await store.query(metricSql(metric), {
    start: sqlTime(window.start),
    end: sqlTime(window.end),
    ...(metric.source === undefined ? {} : { logins: metric.source[from] }),
  })
  const checked = metric.fields.array().safeParse(rows)
  if (!checked.success || (metric.rowsPer === undefined && rows.length !== 1)) {
    throw new GatepostError('STORE_REFUSED', `${metric.name}: the query did not return its fields`, checked.error)
  }
  return metric.rowsPer === undefined ? checked.data[0] : { rows: checked.data }
}
