import { GatepostError } from '../../common/errors.ts'
import { seriesDates } from './series.ts'
import { computeMetric, parseDate, type MetricRequest, type MetricResult } from './metric.ts'
import { dateText, latestScheduled } from './dates.ts'
import type { MetricFields } from './stored-metric.ts'
import type { TableStore } from '../../store/table-store.ts'
import { addMonths, type Period } from './window.ts'

export interface HistoryRequest extends Omit<MetricRequest, 'date' | 'partial'> {
  /** The first D; undefined: the usual number of dates before the last one. */
  readonly from: string | undefined
  /** The last D; undefined: the latest one that the schedule stores. */
  readonly to: string | undefined
  /** Maximum number of dates. */
  readonly most: number
}

export interface History {
  readonly results: readonly MetricResult[]
  /** Dates whose raw data has expired and for which no result is stored. */
  readonly expired: readonly string[]
  /** Dates not computed this time, because only a limited number is computed at once. */
  readonly waiting: readonly string[]
}

/** Per request, the newest dates first: results that the schedule has stored cost nothing. */
const COMPUTED_AT_ONCE = 31
const LOOK_BACK: Readonly<Record<Period, number>> = { hour: 24, day: 30, week: 12, month: 12 }

/**
 * A metric over time: stored results are returned as they are, missing ones are computed (and stored), newest first.
 * @throws GatepostError INPUT_INVALID: invalid dates, or more than `most`
 */
export async function metricHistory(store: TableStore, request: HistoryRequest): Promise<History> {
  const { metric, period, now } = request
  const to = request.to ?? dateText(period, latestScheduled(period, now))
  const from = request.from ?? lookBack(period, parseDate(period, to, now))
  const dates = seriesDates({ period, from, to, now })
  if (dates.length > request.most)
    throw new GatepostError('INPUT_INVALID', `from ${from} there are more than ${request.most} results; ask for a part`)
  const stored = await storedResults(store, metric.name, period, dates[0], dates[dates.length - 1])
  const found = new Map<string, MetricResult>()
  const expired: string[] = []
  const waiting: string[] = []
  let computed = 0
  for (const date of [...dates].reverse()) {
    const fields = stored.get(date)
    if (fields !== undefined) found.set(date, { metric_name: metric.name, period, date, ...fields })
    else if (computed === COMPUTED_AT_ONCE) waiting.unshift(date)
    else {
      computed++
      const outcome = await computeMetric(store, { ...request, date, partial: false })
      if (outcome.outcome === 'result') found.set(date, outcome.result)
      else expired.unshift(date)
    }
  }
  const results = dates.map((date) => found.get(date)).filter((result) => result !== undefined)
  return { results, expired, waiting }
}

function lookBack(period: Period, last: Date): string {
  const count = LOOK_BACK[period] - 1
  if (period === 'month') return dateText(period, addMonths(last, -count))
  const step = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000 }[period]
  return dateText(period, new Date(last.getTime() - count * step))
}

/** The newest stored result of each date. */
async function storedResults(
  store: TableStore,
  name: string,
  period: Period,
  from: string,
  to: string,
): Promise<Map<string, MetricFields>> {
  const rows = await store.query<{ day: string; hour: number; newest: string }>(
    `SELECT toString(one.date) AS day, one.hour AS hour, argMax(one.fields, one.computed_at) AS newest
     FROM gatepost.metrics AS one
     WHERE one.metric_name = {name:String} AND one.period = {period:String}
       AND one.date BETWEEN {from:Date} AND {to:Date}
     GROUP BY day, hour`,
    { name, period, from: from.slice(0, 10), to: to.slice(0, 10) },
  )
  return new Map(
    rows.map(({ day, hour, newest }) => [
      period === 'hour' ? `${day}T${String(hour).padStart(2, '0')}` : day,
      JSON.parse(newest) as MetricFields,
    ]),
  )
}
