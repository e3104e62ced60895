import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../common/logger.ts'
import { startLocations, type LocationSchedule } from '../../reporter/locations/schedule.ts'
import { locationMetrics, publishMetrics, scheduleMetrics } from '../../reporter/metrics.ts'
import { publishersOf } from '../../reporter/publish/publishers.ts'
import { startPublishing, type PublishSchedule } from '../../reporter/publish/schedule.ts'
import { startSchedule, type Schedule } from '../../reporter/schedule.ts'
import type { TableStore } from '../../reporter/table-store.ts'
import { startSessionKeeper, type SessionKeeper } from '../../aggregator/sessions/keeper.ts'
import { sessionMetrics } from '../../aggregator/metrics.ts'
import { Availability } from './availability.ts'
import type { ReportsStart, StoreStart } from './messages.ts'
import { openStore, type OpenedStore } from './open-store.ts'
import { Reading } from './reading.ts'

/** Some of the time of a stop is the store's, to close. */
const DRAIN_SHARE = 0.8
/** Leaving a consumer group takes a moment too. What is left in Kafka is read by whoever comes next, so there it takes precedence. */
const LEAVE_MS = 3000
/** What an aggregator among others has read is stored in this; the rest is theirs. */
const OWN_DRAIN_MS = 5000
/** A query of the schedule that does not end in this is left alone. */
const SCHEDULE_STOP_MS = 1000

interface Parts {
  readonly drains: StoreStart['drains']
  /** Others may read the log too. */
  readonly shared: boolean
  readonly opened: OpenedStore
  readonly reading: Reading | null
  readonly sessions: SessionKeeper | null
  readonly schedule: Schedule | null
  readonly publishing: PublishSchedule | null
  readonly locations: LocationSchedule | null
  readonly availability: Availability
}

/** What a process with the store does: brings the record log into the tables, keeps table `metrics` current, or both. */
export class StoreWork {
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Ready when the tables are migrated and the log is being read.
   * @throws GatepostError of the store or the log
   */
  static async start(start: StoreStart, available: (available: boolean) => void, logger: Logger): Promise<StoreWork> {
    const { retentionDays, sessionTimeoutIntervals: timeoutIntervals, log, waitsForLog, drains, reports } = start
    const opened = await openStore(start.store, retentionDays, logger)
    const { store } = opened
    const storeKind = start.store.kind
    const reading =
      log === null ? null : await Reading.start({ log, store, storeKind, retentionDays, waitsForLog, logger })
    const sessions = log === null ? null : startSessionKeeper({ store, timeoutIntervals, logger })
    const schedule = reports === null ? null : startSchedule({ store, retentionDays, logger })
    const publishing = reports === null ? null : startPublishers(reports, store, retentionDays, logger)
    const locations =
      reports === null || reports.locations === null ? null : startLocations({ store, ...reports.locations, logger })
    const availability = new Availability(store, available)
    return new StoreWork({
      drains,
      shared: log?.kind === 'kafka',
      opened,
      reading,
      sessions,
      schedule,
      publishing,
      locations,
      availability,
    })
  }

  /**
   * PRECONDITION: of a journal: the ingest workers have sealed what they had, so what waits now is all there is.
   * @throws Error: something is left that only the next start can store
   */
  async drain(withinMs: number): Promise<void> {
    const { drains, shared, opened, reading, sessions, schedule, publishing, locations, availability } = this.#parts
    const readMs = Math.min(withinMs * DRAIN_SHARE, shared ? Math.max(0, withinMs - LEAVE_MS) : Infinity)
    availability.stop()
    const [left] = await Promise.all([
      drains === 'all' ? reading?.stop(readMs, true) : reading?.stop(Math.min(readMs, OWN_DRAIN_MS), false),
      // A result that is not stored now is computed at the next start.
      Promise.race([
        Promise.all([sessions?.stop(), schedule?.stop(), publishing?.stop(), locations?.stop()]),
        sleep(SCHEDULE_STOP_MS, undefined, { ref: false }),
      ]),
    ])
    await Promise.all([opened.close(), reading?.close()])
    if (left !== undefined && left > 0)
      throw new Error(`the time to drain was over: ${left} bytes are left in the journal, for the next start`)
  }

  async metrics(): Promise<object[]> {
    const { opened, reading, sessions, schedule, publishing, locations } = this.#parts
    const all = await Promise.all([
      opened.metrics(),
      reading?.metrics() ?? [],
      schedule === null ? [] : scheduleMetrics(schedule.stats).json(),
      sessions === null ? [] : sessionMetrics(sessions.stats).json(),
      publishing === null ? [] : publishMetrics(publishing.stats).json(),
      locations === null ? [] : locationMetrics(locations.stats).json(),
    ])
    return all.flat()
  }
}

/** Null: no publisher is configured. */
function startPublishers(
  { publishers, publishAtMinute }: ReportsStart,
  store: TableStore,
  retentionDays: number,
  logger: Logger,
): PublishSchedule | null {
  if (publishers.publish.length === 0) return null
  const print = (line: string) => process.stdout.write(`${line}\n`)
  return startPublishing({
    store,
    publishers: publishersOf(publishers, print),
    atMinute: publishAtMinute,
    retentionDays,
    logger,
  })
}
