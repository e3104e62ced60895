import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { repeat } from '../../common/repeat.ts'
import type { Retention } from '../../store/retention.ts'
import { deleteStrangers } from '../accounts/strangers.ts'
import { METRICS, type MetricDefinition } from './definitions.ts'
import { beginning, DELAY_MS, latestDue } from './due.ts'
import { computeMetric } from './metric.ts'
import type { TableStore } from '../../store/table-store.ts'
import { DAY_MS, dayOf, type Period } from './window.ts'

/*
 * Keeps table `metrics` current: shortly after each UTC midnight, every metric of the periods that end then is computed and stored.
 * Missed results are caught up.
 * Computing twice is harmless, since the newest row wins.
 */

export interface ScheduleOptions {
  readonly store: TableStore
  readonly retention: Retention
  readonly logger: Logger
}

export interface ScheduleStats {
  /** Results stored since the start. */
  computed: number
  /** Failed attempts, which are repeated. */
  failures: number
  /** The latest day D whose results are all stored, ms since the epoch; null: none yet. */
  currentTo: number | null
}

export interface Schedule {
  /** Live counters. */
  readonly stats: ScheduleStats
  /** Waits for the current result. */
  stop(): Promise<void>
}

/** How many days are caught up. */
const CATCH_UP_DAYS = 7
/** A timer of several hours would not notice that the clock was set or the machine slept. */
const LOOK_EVERY_MS = 60_000

/** Starts with missing results. */
export function startSchedule(options: ScheduleOptions): Schedule {
  const stats: ScheduleStats = { computed: 0, failures: 0, currentTo: null }
  const repeated = repeat(async (stopped) => {
    const due = latestDue(new Date())
    if (stats.currentTo === due.getTime()) return LOOK_EVERY_MS
    try {
      await catchUp(options, new Date(), stats, stopped)
      const { post_auth, portal_sessions } = options.retention
      const kept = Math.max(post_auth, portal_sessions)
      if (!stopped()) await deleteStrangers(options.store, kept, new Date(), stopped)
      if (!stopped()) stats.currentTo = due.getTime()
    } catch (error) {
      stats.failures++
      options.logger.warn(
        { event: 'metrics.computation_failed', error: messageOf(error) },
        'the metrics could not be computed; trying again in a minute',
      )
    }
    return LOOK_EVERY_MS
  })
  return { stats, stop: () => repeated.stop() }
}

/** The periods that end when a day begins: a day every day, a week on Mondays, a month on the first. */
export function periodsEnding(day: Date): Period[] {
  const periods: Period[] = ['day']
  if (day.getUTCDay() === 1) periods.push('week')
  if (day.getUTCDate() === 1) periods.push('month')
  return periods
}

/**
 * Computes the results that are due at `now` and not stored, for the last 7 days and not before this installation began.
 * @returns the number of results stored
 * @throws GatepostError of the store
 */
export async function catchUp(
  { store, retention, logger }: ScheduleOptions,
  now: Date,
  stats?: ScheduleStats,
  stopped: () => boolean = () => false,
): Promise<number> {
  const last = latestDue(now).getTime()
  const begun = await beginning(store)
  const first = Math.max(last - (CATCH_UP_DAYS - 1) * DAY_MS, begun === null ? Infinity : begun + DAY_MS)
  if (first > last) return 0
  const present = await stored(store, new Date(first))
  let computed = 0
  for (let day = first; day <= last; day += DAY_MS) {
    const date = dayOf(new Date(day))
    for (const { metric, period } of ending(new Date(day))) {
      if (stopped()) return computed
      if (present.has(key(metric.name, period, date))) continue
      const outcome = await computeMetric(store, { metric, period, date, partial: false, retention, now })
      if (outcome.outcome === 'expired') {
        logger.warn(
          { event: 'metrics.missed', metric: metric.name, period, date },
          'a metric was missed, and its raw data is deleted',
        )
        continue
      }
      computed++
      if (stats) stats.computed++
    }
  }
  if (computed > 0) logger.info({ event: 'metrics.stored', computed, date: dayOf(new Date(last)) }, 'metrics stored')
  return computed
}

function ending(day: Date): { metric: MetricDefinition; period: Period }[] {
  return METRICS.flatMap((metric) =>
    periodsEnding(day)
      .filter((period) => metric.periods.includes(period))
      .map((period) => ({ metric, period })),
  )
}

/** Results that were computed after they became due: earlier ones may lack records that were not stored yet. */
async function stored(store: TableStore, first: Date): Promise<Set<string>> {
  const rows = await store.query<{ metric_name: string; period: string; day: string }>(
    `SELECT DISTINCT metric_name, period, toString(date) AS day FROM gatepost.metrics
     WHERE date >= {first:Date} AND computed_at >= toDateTime64(date, 3, 'UTC') + toIntervalMillisecond({delay:UInt32})`,
    { first: dayOf(first), delay: DELAY_MS },
  )
  return new Set(rows.map((row) => key(row.metric_name, row.period, row.day)))
}

function key(metric: string, period: string, date: string): string {
  return `${metric} ${period} ${date}`
}
