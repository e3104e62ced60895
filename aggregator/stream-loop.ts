import { Backoff } from '../common/backoff.ts'
import { errorFields, GatepostError, messageOf, retryableOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { Gathered, LogReader } from '../log/contract.ts'
import type { Batch } from '../schemas/batch.ts'
import type { Stream } from '../schemas/streams/index.ts'
import type { Store } from '../store/contract.ts'
import type { Retention } from '../store/retention.ts'
import { Ownerships } from './ownerships.ts'
import type { ErasedNow } from '../privacy/erased-now.ts'
import { pause } from './pause.ts'
import { storeGather } from './store-gather.ts'
import { countDead, type StreamStats } from './stats.ts'

export interface LoopOptions {
  /** Maximum bytes of records per insert. */
  readonly gatherMaxBytes: number
  /** Minimum time between the starts of inserts, unless much data is ready: what arrives meanwhile is inserted together. */
  readonly gatherMaxMs: number
  /** Poll interval while there are no new batches. */
  readonly pollMs: number
  /** How long a failing attempt is retried before the aggregator stops. */
  readonly retryForMs: number
  /** Retry for ever while the store or the log cannot be reached. */
  readonly waitWhileAway: boolean
  readonly retention: Retention
}

/** An insert keeps one core busy. With two at once the engine has work while the next gather is being prepared. */
const MAX_RUNNING = 2
/** A gather of this share of gatherMaxBytes is inserted at once: the aggregator is lagging. */
const BUSY_SHARE = 0.5
/**
 * A stream's inserts take at most this share of the time, but the wait for that has a limit. Small inserts cost nearly as much as larger ones:
 * at fleet volume, or beside heavy readers, fewer of them leave the rest of the machine its time. MEASURED at 5,000 records/s: with one every
 * 500 ms the store used 1.05 cores, so paced 0.88, and ingest beside 50 readers acknowledged a tenth more.
 */
const INSERTING_SHARE = 0.25
const PACE_MAX_MS = 5000

const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 10_000
/** Lets the consumer group rebalance: two aggregators that keep taking a part from each other make no progress. */
const FENCED_PAUSE_MS = 1000

/** Stores one stream's batches in log order until it is stopped. */
export class StreamLoop {
  readonly #stream: Stream
  readonly #reader: LogReader
  readonly #store: Store
  readonly #logger: Logger
  readonly #options: LoopOptions
  readonly #stats: StreamStats
  readonly #ownerships: Ownerships
  readonly #erased: ErasedNow
  /** Aborted: store what is in the log, then stop. */
  readonly #draining: AbortSignal
  /** Aborted: finish only the current attempt. */
  readonly #stopping: AbortSignal
  #lastInsertAt = -Infinity
  #lastInsertMs = 0
  /** Gathers being stored, at most MAX_RUNNING, and the parts of the log that they come from: no two share a part. */
  readonly #running = new Set<Promise<void>>()
  readonly #storing = new Set<string>()
  readonly #failed = failure()
  /** A failed read may have advanced the position: without a rewind, what it read would be skipped. */
  #readFailed = false

  constructor(
    stream: Stream,
    parts: {
      reader: LogReader
      store: Store
      logger: Logger
      options: LoopOptions
      stats: StreamStats
      erased: ErasedNow
    },
    signals: { draining: AbortSignal; stopping: AbortSignal },
  ) {
    this.#stream = stream
    this.#reader = parts.reader
    this.#store = parts.store
    this.#logger = parts.logger
    this.#options = parts.options
    this.#stats = parts.stats
    this.#erased = parts.erased
    this.#ownerships = new Ownerships(stream, parts.store)
    this.#draining = signals.draining
    this.#stopping = signals.stopping
  }

  /** Resolves when stopped or drained. @throws the error that retries did not solve */
  run(): Promise<void> {
    return Promise.race([this.#loop(), this.#failed.promise])
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.aborted) {
      // After a failed read the log is rewound to the last committed position.
      if (this.#readFailed) await Promise.all(this.#running)
      const first = await this.#retrying(() => this.#read(this.#options.gatherMaxBytes))
      if (first) this.#start(await this.#gather(first))
      else if (this.#running.size > 0)
        await Promise.race([...this.#running, pause(this.#options.pollMs, this.#stopping)])
      else if (this.#draining.aborted) return
      else await pause(this.#options.pollMs, this.#draining)
    }
    await Promise.all(this.#running)
  }

  /** Adds to `first` what else is ready; while there is little, waits for more. */
  async #gather(first: Gathered): Promise<Gathered[]> {
    const { gatherMaxBytes, gatherMaxMs } = this.#options
    const gathered = [first]
    let bytes = await this.#readMore(gathered)
    const isBusy = () => bytes >= gatherMaxBytes * BUSY_SHARE
    // Small inserts cost as much as larger ones, so a second insert only runs at the same time when the aggregator is lagging.
    while (this.#running.size > 0 && (!isBusy() || this.#running.size === MAX_RUNNING)) {
      await Promise.race(this.#running)
      bytes = await this.#readMore(gathered)
    }
    if (!isBusy()) {
      const paceMs = Math.min(this.#lastInsertMs / INSERTING_SHARE, PACE_MAX_MS)
      await pause(this.#lastInsertAt + Math.max(gatherMaxMs, paceMs) - performance.now(), this.#draining)
      await this.#readMore(gathered)
    }
    return gathered
  }

  #start(gathered: readonly Gathered[]): void {
    const startedAt = performance.now()
    this.#lastInsertAt = startedAt
    for (const { partition } of gathered) this.#storing.add(partition)
    const running = this.#process(gathered)
      .catch((error: unknown) => this.#failed.reject(error))
      .finally(() => {
        for (const { partition } of gathered) this.#storing.delete(partition)
        this.#running.delete(running)
        this.#lastInsertMs = performance.now() - startedAt
      })
    this.#running.add(running)
  }

  async #process(gathered: readonly Gathered[]): Promise<void> {
    try {
      const stored = await this.#retrying(() => this.#storeOwned(gathered))
      for (const part of stored) {
        if (!this.#stopping.aborted) await this.#retrying(() => this.#reader.commit(part))
      }
    } catch (error) {
      if (!(error instanceof GatepostError && error.code === 'STORE_FENCED')) throw error
      await this.#fenced(error)
    }
  }

  /** Stores the gathers that this process still owns, and returns them. The new owner reads the others itself. */
  async #storeOwned(gathered: readonly Gathered[]): Promise<Gathered[]> {
    const owned = gathered.filter((part) => this.#reader.isCurrent(part))
    this.#stats.fenced += gathered.length - owned.length
    if (owned.length === 0) return []
    const ownerships = await this.#ownerships.of(owned)
    const { retention } = this.#options
    const erased = await this.#erased.get()
    const kept = (batches: readonly Batch[]) =>
      batches.map((batch) => erased.without(batch)).filter((batch) => batch !== null)
    try {
      const letters = kept(owned.flatMap((part) => part.letters))
      if (letters.length > 0)
        await storeGather(this.#store, 'dead_letters', letters, ownerships, retention, this.#stats)
      const batches = kept(owned.flatMap((part) => part.batches))
      await storeGather(this.#store, this.#stream, batches, ownerships, retention, this.#stats)
      // Last: what fails before is repeated whole.
      countDead(this.#stats, 'undecodable', letters.length)
    } catch (error) {
      this.#ownerships.doubt()
      throw error
    }
    return owned
  }

  /** Another aggregator has taken ownership of a part of the log. If this one is still assigned to it, it takes ownership back. */
  async #fenced(error: unknown): Promise<void> {
    this.#stats.fenced++
    this.#logger.warn(
      { event: 'aggregator.partition_lost', stream: this.#stream, error: messageOf(error) },
      'aggregator: another aggregator owns this partition now; dropped the gather',
    )
    this.#ownerships.forget()
    this.#reader.rewind(this.#stream)
    await pause(FENCED_PAUSE_MS, this.#draining)
  }

  /** @returns the total number of bytes */
  async #readMore(gathered: Gathered[]): Promise<number> {
    const { gatherMaxBytes } = this.#options
    let bytes = gathered.reduce((sum, part) => sum + part.bytes, 0)
    try {
      while (bytes < gatherMaxBytes && !this.#readFailed) {
        const more = await this.#read(gatherMaxBytes - bytes)
        if (!more) break
        gathered.push(more)
        bytes += more.bytes
      }
    } catch (error) {
      // Stores what has been gathered first; then reads again after it, which may fail for good.
      this.#logger.warn(
        { event: 'aggregator.read_failed', stream: this.#stream, error: messageOf(error) },
        'aggregator: cannot read the record log; retrying',
      )
    }
    return bytes
  }

  async #read(maxBytes: number): Promise<Gathered | null> {
    // PRECONDITION: after a failed read, everything read before it has been committed.
    if (this.#readFailed) this.#reader.rewind(this.#stream)
    this.#readFailed = true
    const gathered = await this.#reader.read(this.#stream, maxBytes, this.#storing)
    this.#readFailed = false
    return gathered
  }

  /** Retries an attempt after it has ended, with growing waits: as long as a server is down, or for a bounded time. */
  async #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS)
    const deadline = performance.now() + this.#options.retryForMs
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        const retryable = retryableOf(error)
        if (retryable === 'never' || this.#stopping.aborted) throw error
        const waits = this.#options.waitWhileAway && !this.#draining.aborted && retryable === 'always'
        if (performance.now() >= deadline && !waits) throw error
        this.#stats.failures++
        const delay = Math.round(backoff.next())
        this.#logger.warn(
          { event: 'aggregator.store_failed', stream: this.#stream, ...errorFields(error), delay },
          'aggregator: cannot store a gather; retrying',
        )
        await pause(delay, this.#stopping)
      }
    }
  }
}

/** A promise that can be rejected from elsewhere in the loop. */
function failure(): { readonly promise: Promise<never>; reject(error: unknown): void } {
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<never>((_, rejectPromise) => (reject = rejectPromise))
  // Prevents an unhandled rejection.
  promise.catch(() => {})
  return { promise, reject }
}
