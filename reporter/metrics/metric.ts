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
  /** D: the window ends when this UTC day, or hour, begins. Undefined: the present one. */
  readonly date: string | undefined
  /** Compute from what there is when the window's first days are deleted already; never stored. */
  readonly partial: boolean
  readonly retention: Retention
  readonly now: Date
}

/** The one object of a metric: its key, its fields, and how it came about where that is out of the ordinary. */
export type MetricResult = MetricKey & MetricFields & { readonly stored?: true; readonly complete?: false }

export type MetricOutcome =
  | { readonly outcome: 'result'; readonly result: MetricResult }
  /** The raw data is deleted and there is no stored result. */
  | { readonly outcome: 'expired'; readonly oldestCompleteDay: string }

/** The earliest instant of a Date: what does not expire goes back for ever. */
const BEGINNING = new Date(-8.64e15)

/**
 * A metric from the raw data, or where that is not whole any more from its history under pseudonyms, which also stores it; else from table `metrics`.
 * D may be tomorrow: the window then holds today so far, its result is marked incomplete and never stored.
 * @throws GatepostError INPUT_INVALID: a date that is none, or later than tomorrow
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
    // Pseudonyms are as many as people are.
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
 * D and the window of a request; costs nothing, so that wrong dates are told before anything is opened.
 * @throws GatepostError INPUT_INVALID
 */
export function requestedWindow({
  metric,
  period,
  date,
  now,
}: Pick<MetricRequest, 'metric' | 'period' | 'date' | 'now'>): {
  readonly date: string
  /** When D begins; the window ends by then. */
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
