import { GatepostError } from '../common/errors.ts'
import { metricSql, type MetricDefinition } from './definitions.ts'
import { storedMetric, storeMetric, type MetricFields, type MetricKey } from './stored-metric.ts'
import type { TableStore } from './table-store.ts'
import { beginningOf, DAY_MS, dayOf, oldestCompleteDay, windowEnding, type Period, type Window } from './window.ts'

export interface MetricRequest {
  readonly metric: MetricDefinition
  readonly period: Period
  /** D: the window ends when this UTC day begins. Undefined: today. */
  readonly date: string | undefined
  /** Compute from what there is when the window's first days are deleted already; never stored. */
  readonly partial: boolean
  readonly retentionDays: number
  readonly now: Date
}

/** The one object of a metric: its key, its fields, and how it came about where that is out of the ordinary. */
export type MetricResult = MetricKey & MetricFields & { readonly stored?: true; readonly complete?: false }

export type MetricOutcome =
  | { readonly outcome: 'result'; readonly result: MetricResult }
  /** The raw data is deleted and there is no stored result. */
  | { readonly outcome: 'expired'; readonly oldestCompleteDay: string }

/**
 * A metric from the raw data, which also stores it; or from table `metrics`, where the raw data is not whole any more.
 * D may be tomorrow: the window then holds today so far, its result is marked incomplete and never stored.
 * @throws GatepostError INPUT_INVALID: a date that is none, or later than tomorrow
 */
export async function computeMetric(store: TableStore, request: MetricRequest): Promise<MetricOutcome> {
  const { metric, period, now } = request
  const { date, window } = requestedWindow(request)
  const key: MetricKey = { metric_name: metric.name, period, date }

  const oldest = oldestCompleteDay(now, request.retentionDays)
  const running = window.end > now
  if (window.start >= oldest && !running) {
    const fields = await compute(store, metric, window)
    await storeMetric(store, key, fields, now)
    return { outcome: 'result', result: { ...key, ...fields } as MetricResult }
  }
  if (request.partial || running) {
    const fields = await compute(store, metric, window)
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
export function requestedWindow(request: Pick<MetricRequest, 'period' | 'date' | 'now'>): {
  readonly date: string
  readonly window: Window
} {
  const date = request.date ?? dayOf(request.now)
  return { date, window: windowEnding(request.period, windowEnd(date, request.now)) }
}

function windowEnd(date: string, now: Date): Date {
  const end = beginningOf(date)
  if (end === undefined) {
    throw new GatepostError('INPUT_INVALID', `${date} is not a day; write it as 2024-02-29`)
  }
  const tomorrow = new Date((beginningOf(dayOf(now)) as Date).getTime() + DAY_MS)
  if (end > tomorrow) {
    throw new GatepostError(
      'INPUT_INVALID',
      `${date} is in the future: the latest window that is over ends with ${dayOf(now)} (UTC), ` +
        `and ${dayOf(tomorrow)} gives today so far`,
    )
  }
  return end
}

async function compute(store: TableStore, metric: MetricDefinition, window: Window): Promise<MetricFields> {
  const rows = await store.query(metricSql(metric), { start: sqlTime(window.start), end: sqlTime(window.end) })
  const fields = metric.fields.safeParse(rows[0])
  if (rows.length !== 1 || !fields.success) {
    throw new GatepostError('STORE_REFUSED', `${metric.name}: the query did not return its fields`, fields.error)
  }
  return fields.data
}

/** As a DateTime64 parameter is written; the time zone is the parameter's own. */
function sqlTime(instant: Date): string {
  return instant.toISOString().replace('T', ' ').replace('Z', '')
}
