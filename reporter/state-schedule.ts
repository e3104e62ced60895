import { messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { repeat } from '../common/repeat.ts'
import type { TableStore } from '../store/table-store.ts'
import { stateCounts, type StateCounts } from './queries/overview.ts'

/*
 * Counts gateways and sessions by state for the metrics, so that a scrape never waits for a query. Several reporters may do this: each has the
 * same numbers.
 */

export interface StateScheduleOptions {
  readonly store: TableStore
  readonly logger: Logger
  /** For tests: interval, default 30 s. */
  readonly everyMs?: number
}

export interface StateScheduleStats {
  /** The latest counts; null: none yet. */
  counts: StateCounts | null
  /** When they were read, ms since the epoch; 0: never. */
  countedAt: number
  /** Attempts that failed and are repeated. */
  failures: number
}

export interface StateSchedule {
  /** Live. */
  readonly stats: StateScheduleStats
  /** Waits for the current query. */
  stop(): Promise<void>
}

const EVERY_MS = 30_000
/** A query over a large fleet takes seconds: it may take up at most this share of the time. */
const BUSY_SHARE = 0.05

/** Counts now, and then repeatedly. A failed attempt leaves the counts as they are; `countedAt` says how old they are. */
export function startStateSchedule({ store, logger, everyMs = EVERY_MS }: StateScheduleOptions): StateSchedule {
  const stats: StateScheduleStats = { counts: null, countedAt: 0, failures: 0 }
  const repeated = repeat(async () => {
    const started = performance.now()
    try {
      stats.counts = await stateCounts(store)
      stats.countedAt = Date.now()
    } catch (error) {
      stats.failures++
      logger.warn(
        { event: 'state.count_failed', error: messageOf(error) },
        'state: cannot count gateways and sessions for the metrics; retrying',
      )
    }
    return Math.max(everyMs, (performance.now() - started) / BUSY_SHARE)
  })
  return { stats, stop: () => repeated.stop() }
}
