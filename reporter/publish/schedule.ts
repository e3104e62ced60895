import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { repeat } from '../../common/repeat.ts'
import { dateText, instantOf, latestComplete } from '../metrics/dates.ts'
import { beginning } from '../metrics/due.ts'
import { periodsEnding } from '../metrics/schedule.ts'
import type { TableStore } from '../../store/table-store.ts'
import { beginningOf, DAY_MS, dayOf, HOUR_MS, type Period } from '../metrics/window.ts'
import { Lease } from '../../store/lease.ts'
import type { Retention } from '../../store/retention.ts'
import { metricsOf, publish, type RetryTimes } from './publish.ts'
import type { Publisher } from './publisher.ts'

/*
 * Publishes on a schedule. Everything due that table `publications` does not list as sent is published, so missed runs are caught up and
 * failed ones are retried.
 */

export interface PublishScheduleOptions {
  readonly store: TableStore
  readonly publishers: readonly Publisher[]
  /** Minutes of the UTC day. */
  readonly atMinute: number
  readonly retention: Retention
  readonly logger: Logger
  readonly retry?: RetryTimes
  readonly leaseSettleMs?: number
}

export interface PublishScheduleStats {
  sent: number
  /** Results that a publisher did not accept, after all attempts of a run. */
  failed: number
}

export interface PublishSchedule {
  /** Live counters. */
  readonly stats: PublishScheduleStats
  /** Waits for the current message. */
  stop(): Promise<void>
}

/** Records of the last seconds of an hour may not be stored yet. */
const HOUR_DELAY_MS = 10 * 60_000
/** How far back missed runs are caught up. */
const CATCH_UP_MS = 7 * DAY_MS
const CATCH_UP_HOURS_MS = DAY_MS
/** A timer of several hours would not notice that the clock was set or the machine slept. */
const LOOK_EVERY_MS = 60_000
/** Wait after a run with a failure. */
const AGAIN_AFTER_MS = 10 * 60_000

/** One run: the metrics of a period that ends when D begins. */
export interface Due {
  readonly period: Period
  readonly date: string
}

/** Starts with missed runs. */
export function startPublishing(options: PublishScheduleOptions): PublishSchedule {
  const stats: PublishScheduleStats = { sent: 0, failed: 0 }
  const lease = new Lease(options.store, 'publishing', options.leaseSettleMs)
  const repeated = repeat(async (stopped) => {
    try {
      const { failed } = await publishDue(options, lease, new Date(), stats, stopped)
      if (failed > 0) return AGAIN_AFTER_MS
    } catch (error) {
      options.logger.warn(
        { event: 'publisher.run_failed', error: messageOf(error) },
        'could not publish; trying again in a minute',
      )
    }
    return LOOK_EVERY_MS
  })
  return {
    stats,
    stop: async () => {
      await repeated.stop()
      await lease.release().catch(() => {})
    },
  }
}

/** Publishes what is due at `now`, if the lease is available. @throws GatepostError of the store */
export async function publishDue(
  { store, publishers, atMinute, retention, logger, retry }: PublishScheduleOptions,
  lease: Lease,
  now: Date,
  stats: PublishScheduleStats,
  stopped: () => boolean = () => false,
): Promise<{ failed: number }> {
  const begun = await beginning(store)
  if (begun === null) return { failed: 0 }
  const sent = await sentResults(store, new Date(now.getTime() - CATCH_UP_MS - DAY_MS))
  let failed = 0
  for (const { period, date } of dueAt(now, atMinute, begun)) {
    const missing = metricsOf(period).filter((metric) =>
      publishers.some((to) => to.takes(metric) && !sent.has(key(to.name, metric.name, period, date))),
    )
    if (missing.length === 0) continue
    // Renewed for every run, so that it never expires while a message is being sent.
    if (stopped() || !(await lease.take())) break
    const only = missing.map(({ name }) => name)
    const request = { store, publishers, period, date, only, retention, now, again: false, stopped }
    for (const outcome of await publish({ ...request, ...(retry === undefined ? {} : { retry }) })) {
      if (outcome.status === 'sent') stats.sent++
      if (outcome.status !== 'failed') continue
      failed++
      stats.failed++
      logger.error({ event: 'publisher.result_failed', ...outcome }, 'a result could not be published')
    }
  }
  return { failed }
}

/** Runs due at `now`, earliest first: for days, weeks and months the last 7 days, for hours the last day. */
export function dueAt(now: Date, atMinute: number, begun: number): Due[] {
  const due: { readonly at: number; readonly run: Due }[] = []
  const today = beginningOf(dayOf(now)) as Date
  for (let day = today.getTime(); day > now.getTime() - CATCH_UP_MS && day > begun; day -= DAY_MS) {
    const at = day + atMinute * 60_000
    if (at > now.getTime()) continue
    const date = dayOf(new Date(day))
    for (const period of periodsEnding(new Date(day))) due.push({ at, run: { period, date } })
  }
  const hour = latestComplete('hour', now).getTime()
  for (let end = hour; end > now.getTime() - CATCH_UP_HOURS_MS && end > begun; end -= HOUR_MS) {
    const at = end + HOUR_DELAY_MS
    if (at <= now.getTime()) due.push({ at, run: { period: 'hour', date: dateText('hour', new Date(end)) } })
  }
  return due.sort((a, b) => a.at - b.at).map(({ run }) => run)
}

async function sentResults(store: TableStore, since: Date): Promise<Set<string>> {
  const rows = await store.query<{ publisher: string; metric_name: string; period: Period; day: string; hour: number }>(
    `SELECT publisher, metric_name, period, toString(date) AS day, hour FROM gatepost.publications FINAL
     WHERE date >= {since:Date} AND status = 'sent'`,
    { since: dayOf(since) },
  )
  return new Set(
    rows.map(({ publisher, metric_name, period, day, hour }) => {
      const D = period === 'hour' ? `${day}T${String(hour).padStart(2, '0')}` : day
      return key(publisher, metric_name, period, dateText(period, instantOf(period, D) as Date))
    }),
  )
}

function key(publisher: string, metric: string, period: string, date: string): string {
  return `${publisher} ${metric} ${period} ${date}`
}
