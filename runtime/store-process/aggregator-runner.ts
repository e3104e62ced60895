import { setTimeout as sleep } from 'node:timers/promises'
import { startAggregator, type Aggregator } from '../../aggregator/aggregator.ts'
import { ErasedNow } from '../../privacy/erased-now.ts'
import { aggregatorMetrics } from '../../aggregator/metrics.ts'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { TopicLag } from '../../reporter/dashboard/options.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import type { Store } from '../../store/contract.ts'
import type { Retention } from '../../store/retention.ts'
import type { ReaderLog, StoreStart } from '../messages.ts'
import { openReader, type OpenedReader } from './open-reader.ts'

export interface AggregatorRunnerOptions {
  readonly log: ReaderLog
  /** PRECONDITION: migrated. */
  readonly store: Store
  readonly storeKind: StoreStart['store']['kind']
  readonly retention: Retention
  readonly tokenKeys: readonly string[]
  /** See StoreStart. PRECONDITION: the log is not a journal, which must be drainable as soon as the process is ready. */
  readonly waitsForLog: boolean
  readonly logger: Logger
}

interface Open {
  readonly reader: OpenedReader
  readonly aggregator: Aggregator
}

const REOPEN_MS = 2000
const LAG_POLL_MS = 200
const BEHIND_MS = 30_000

/** Runs the aggregator, and restarts it after an outage of the log. */
export class AggregatorRunner {
  readonly #options: AggregatorRunnerOptions
  #open: Open | null = null
  #reopening: Promise<void> | null = null
  #stopped = false

  private constructor(options: AggregatorRunnerOptions) {
    this.#options = options
  }

  /** @throws GatepostError LOG_UNAVAILABLE */
  static async start(options: AggregatorRunnerOptions): Promise<AggregatorRunner> {
    const reading = new AggregatorRunner(options)
    if (options.waitsForLog) reading.#reopen()
    else reading.#open = await reading.#begin()
    return reading
  }

  async #begin(): Promise<Open> {
    const { log, store, storeKind, retention, tokenKeys, logger } = this.#options
    const erased = new ErasedNow(store, () => tokenKeys)
    const reader = await openReader(log, () => erased.get(), logger)
    const aggregator = startAggregator({
      reader: reader.reader,
      store,
      logger,
      retention,
      ...(tokenKeys.length === 0 ? {} : { keys: () => tokenKeys }),
      // A server comes back by itself; the embedded engine may need a new process.
      waitWhileAway: storeKind === 'server',
      onFatal: (error) => this.#failed(error),
    })
    return { reader, aggregator }
  }

  /** While Kafka is down, the embedded store keeps answering. Any other error ends the process, and the supervisor starts a new one. */
  #failed(error: unknown): void {
    const away = error instanceof GatepostError && error.code === 'LOG_UNAVAILABLE'
    if (away && this.#options.storeKind === 'embedded') this.#reopen()
    else process.exit(1)
  }

  #reopen(): void {
    const before = this.#open
    this.#open = null
    this.#reopening ??= this.#reopened(before).finally(() => (this.#reopening = null))
  }

  async #reopened(before: Open | null): Promise<void> {
    await before?.reader.reader.close().catch(() => {})
    while (!this.#stopped) {
      try {
        const open = await this.#begin()
        if (!this.#stopped) this.#open = open
        else await discard(open)
        return
      } catch (error) {
        this.#options.logger.warn(
          { event: 'aggregator.open_failed', error: messageOf(error) },
          'aggregator: cannot open the record log; retrying',
        )
        await sleep(REOPEN_MS)
      }
    }
  }

  /**
   * Stops within about this time and stores what has been read. `untilEmpty`: also what the log still delivers in this time.
   * @returns bytes that are left and that only the next start can store
   */
  async stop(withinMs: number, untilEmpty: boolean): Promise<number> {
    this.#stopped = true
    if (this.#open === null) return 0
    const { reader, aggregator } = this.#open
    const deadline = performance.now() + withinMs
    if (untilEmpty) await emptied(reader, deadline)
    await aggregator.stop(Math.max(0, deadline - performance.now()))
    return reader.left()
  }

  /** PRECONDITION: stopped. Leaves the log to other readers. */
  async close(): Promise<void> {
    await this.#open?.reader.reader.close()
  }

  /** Whether the log cannot be read, or holds records that should be stored by `now` (ms since the epoch). */
  isLagging(stream: Stream, now: number): boolean {
    if (this.#open === null) return true
    const oldest = this.#open.aggregator.stats().get(stream)?.oldestWaitingAt ?? null
    return oldest !== null && now - oldest > BEHIND_MS
  }

  /** The lag of the tables, by stream. */
  lag(): TopicLag[] {
    const now = Date.now()
    return [...(this.#open?.aggregator.stats() ?? [])].map(([stream, { lagBytes, oldestWaitingAt }]) => ({
      topic: stream,
      bytes: lagBytes,
      seconds: oldestWaitingAt === null ? 0 : Math.max(0, (now - oldestWaitingAt) / 1000),
    }))
  }

  async metrics(): Promise<object[]> {
    if (this.#open === null) return []
    const { reader, aggregator } = this.#open
    const stats = aggregator.stats()
    return [...(await aggregatorMetrics(stats).json()), ...(await reader.metrics(stats))]
  }
}

async function discard({ reader, aggregator }: Open): Promise<void> {
  await aggregator.stop(0)
  await reader.reader.close()
}

/** Kafka delivers records a moment after they were written, so an empty read does not prove that the log is empty. */
async function emptied({ reader }: OpenedReader, deadline: number): Promise<void> {
  while (performance.now() < deadline) {
    const lags = await Promise.all(STREAMS.map((stream) => reader.lag(stream))).catch(() => [])
    // A journal counts bytes only, and draining it reads everything.
    if (lags.every(({ batches }) => batches === null || batches === 0)) return
    await sleep(LAG_POLL_MS)
  }
}
