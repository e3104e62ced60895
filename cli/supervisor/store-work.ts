import { setTimeout as sleep } from 'node:timers/promises'
import { startAggregator, type Aggregator } from '../../aggregator/aggregator.ts'
import { aggregatorMetrics } from '../../aggregator/metrics.ts'
import type { Logger } from '../../common/logger.ts'
import { scheduleMetrics } from '../../reporter/metrics.ts'
import { startSchedule, type Schedule } from '../../reporter/schedule.ts'
import { TOPICS } from '../../schemas/topics.ts'
import { Availability } from './availability.ts'
import type { StoreStart } from './messages.ts'
import { openReader, type OpenedReader } from './open-reader.ts'
import { openStore, type OpenedStore } from './open-store.ts'

/** Some of the time of a stop is the store's, to close. */
const DRAIN_SHARE = 0.8
/** What an aggregator among others has read is stored in this; the rest is theirs. */
const OWN_DRAIN_MS = 5000
const LAG_POLL_MS = 200
/** A query of the schedule that does not end in this is left alone. */
const SCHEDULE_STOP_MS = 1000

/** What a process with the store does: brings the record log into the tables, keeps table `metrics` current, or both. */
export class StoreWork {
  readonly #drains: StoreStart['drains']
  readonly #opened: OpenedStore
  readonly #reading: { readonly opened: OpenedReader; readonly aggregator: Aggregator } | null
  readonly #schedule: Schedule | null
  readonly #availability: Availability

  private constructor(parts: {
    drains: StoreStart['drains']
    opened: OpenedStore
    reading: { opened: OpenedReader; aggregator: Aggregator } | null
    schedule: Schedule | null
    availability: Availability
  }) {
    this.#drains = parts.drains
    this.#opened = parts.opened
    this.#reading = parts.reading
    this.#schedule = parts.schedule
    this.#availability = parts.availability
  }

  /**
   * Ready when the tables are migrated and the log is being read.
   * @throws GatepostError of the store or the log
   */
  static async start(start: StoreStart, available: (available: boolean) => void, logger: Logger): Promise<StoreWork> {
    const { retentionDays, log, drains, reports } = start
    const opened = await openStore(start.store, retentionDays, logger)
    const { store } = opened
    let reading = null
    if (log !== null) {
      const reader = await openReader(log, logger)
      // Servers come back by themselves; the embedded engine may need a new process.
      const waitWhileAway = start.store.kind === 'server'
      const aggregator = startAggregator({ reader: reader.reader, store, logger, retentionDays, waitWhileAway })
      reading = { opened: reader, aggregator }
    }
    const schedule = reports ? startSchedule({ store, retentionDays, logger }) : null
    const availability = new Availability(store, available)
    return new StoreWork({ drains, opened, reading, schedule, availability })
  }

  /**
   * PRECONDITION: of a journal: the ingest workers have sealed what they had, so what waits now is all there is.
   * @throws Error: something is left that only the next start can store
   */
  async drain(withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs * DRAIN_SHARE
    this.#availability.stop()
    // A result that is not stored now is computed at the next start.
    await Promise.race([this.#schedule?.stop(), sleep(SCHEDULE_STOP_MS, undefined, { ref: false })])
    let left = 0
    if (this.#reading !== null) {
      const { opened, aggregator } = this.#reading
      if (this.#drains === 'all') await this.#emptied(opened, deadline)
      const remaining = Math.max(0, deadline - Date.now())
      await aggregator.stop(this.#drains === 'all' ? remaining : Math.min(remaining, OWN_DRAIN_MS))
      left = await opened.left()
      await opened.reader.close()
    }
    await this.#opened.close()
    if (left > 0)
      throw new Error(`the time to drain was over: ${left} bytes are left in the journal, for the next start`)
  }

  /** Kafka hands over what it holds a moment after it was written: that nothing is at hand does not mean that nothing waits. */
  async #emptied({ reader }: OpenedReader, deadline: number): Promise<void> {
    while (Date.now() < deadline) {
      const lags = await Promise.all(TOPICS.map((topic) => reader.lag(topic))).catch(() => [])
      // A journal counts bytes only, and draining finds all of them.
      if (lags.every(({ batches }) => batches === null || batches === 0)) return
      await sleep(LAG_POLL_MS)
    }
  }

  async metrics(): Promise<object[]> {
    const metrics = await this.#opened.metrics()
    if (this.#schedule !== null) metrics.push(...(await scheduleMetrics(this.#schedule.stats).json()))
    if (this.#reading === null) return metrics
    const stats = this.#reading.aggregator.stats()
    return [...metrics, ...(await aggregatorMetrics(stats).json()), ...(await this.#reading.opened.metrics(stats))]
  }
}
