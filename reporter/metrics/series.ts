import { GatepostError } from '../../common/errors.ts'
import { dateText, datesBetween } from './dates.ts'
import { computeMetric, parseDate, type MetricRequest, type MetricResult } from './metric.ts'
import type { TableStore } from '../../store/table-store.ts'

export interface SeriesRequest extends Omit<MetricRequest, 'date'> {
  /** The first D. */
  readonly from: string
  /** The last D, if the steps of the period meet it. Undefined: the current day, or hour. */
  readonly to: string | undefined
}

export interface Series {
  readonly results: readonly MetricResult[]
  /** Dates whose raw data has expired and for which no result is stored. */
  readonly expired: readonly string[]
  readonly oldestCompleteDay: string | null
}

/** All results are held in memory until the last one. 27 years of days, more than a year of hours. */
const MAX_DATES = 10_000

/**
 * Every D of a series. Cheap.
 * @throws GatepostError INPUT_INVALID: an invalid date, the last before the first, or more than 10000
 */
export function seriesDates({
  period,
  from,
  to,
  now,
}: Pick<SeriesRequest, 'period' | 'from' | 'to' | 'now'>): string[] {
  const first = parseDate(period, from, now)
  const last = to === undefined ? now : parseDate(period, to, now)
  if (last < first)
    throw new GatepostError('INPUT_INVALID', `the series ends with ${to ?? 'today'}, before its beginning ${from}`)
  const dates: string[] = []
  for (const date of datesBetween(period, first, last)) {
    if (dates.length === MAX_DATES) {
      throw new GatepostError('INPUT_INVALID', `from ${from} there are more than ${MAX_DATES} results; ask for a part`)
    }
    dates.push(dateText(period, date))
  }
  return dates
}

/**
 * Computes a metric for each D of a series, one after the other, like computeMetric().
 * @param progress called before each
 * @throws GatepostError INPUT_INVALID
 */
export async function computeSeries(
  store: TableStore,
  request: SeriesRequest,
  progress: (date: string, done: number, all: number) => void,
): Promise<Series> {
  const dates = seriesDates(request)
  const results: MetricResult[] = []
  const expired: string[] = []
  let oldestCompleteDay: string | null = null
  for (const [done, date] of dates.entries()) {
    progress(date, done, dates.length)
    const outcome = await computeMetric(store, { ...request, date })
    if (outcome.outcome === 'result') results.push(outcome.result)
    else {
      expired.push(date)
      oldestCompleteDay = outcome.oldestCompleteDay
    }
  }
  return { results, expired, oldestCompleteDay }
}
