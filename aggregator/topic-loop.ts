import { Backoff } from '../common/backoff.ts'
import { errorFields, GatepostError, messageOf, retryableOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { Gathered, LogReader } from '../log/contract.ts'
import type { Batch } from '../schemas/batch.ts'
import type { Topic } from '../schemas/streams/index.ts'
import type { Store } from '../store/contract.ts'
import type { Retention } from '../store/retention.ts'
import { Claims } from './claims.ts'
import type { ErasedNow } from '../privacy/erased-now.ts'
import { pause } from './pause.ts'
import { storeGather } from './store-gather.ts'
import type { TopicStats } from './stats.ts'

export interface LoopOptions {
  /** Bytes of records that one insert takes at most. */
  readonly gatherMaxBytes: number
  /** Time between the inserts of one topic at least, unless much waits: what arrives meanwhile goes together. */
  readonly gatherMaxMs: number
  /** How often to look for new batches while nothing waits. */
  readonly pollMs: number
  /** How long a failing attempt is repeated before the aggregator stops. */
  readonly retryForMs: number
  /** Wait for ever while the store or the log cannot be reached. */
  readonly waitWhileAway: boolean
  readonly retention: Retention
}

/** An insert keeps one core busy: with two at once the engine has work for another while a gather is made ready. */
const MAX_RUNNING = 2
/** A gather of this share of gatherMaxBytes does not wait for more: the log is behind. */
const BUSY_SHARE = 0.5

const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 10_000
/** Membership of the group settles meanwhile: two that take turns at claiming get nothing done. */
const FENCED_PAUSE_MS = 1000

/** Brings one topic's batches from the log into the store, in order, until told to stop. */
export class TopicLoop {
  readonly #topic: Topic
  readonly #reader: LogReader
  readonly #store: Store
  readonly #logger: Logger
  readonly #options: LoopOptions
  readonly #stats: TopicStats
  readonly #claims: Claims
  readonly #erased: ErasedNow
  /** Aborted: finish what waits. */
  readonly #draining: AbortSignal
  /** Aborted: finish nothing but the attempt under way. */
  readonly #stopping: AbortSignal
  #lastInsertAt = -Infinity
  /** Gathers that are being stored, MAX_RUNNING at most, and the parts of the log that they come from: no two share one. */
  readonly #running = new Set<Promise<void>>()
  readonly #storing = new Set<string>()
  readonly #failed = failure()
  /** A read that fails may have advanced: what it read would be missed. */
  #readFailed = false

  constructor(
    topic: Topic,
    parts: {
      reader: LogReader
      store: Store
      logger: Logger
      options: LoopOptions
      stats: TopicStats
      erased: ErasedNow
    },
    signals: { draining: AbortSignal; stopping: AbortSignal },
  ) {
    this.#topic = topic
    this.#reader = parts.reader
    this.#store = parts.store
    this.#logger = parts.logger
    this.#options = parts.options
    this.#stats = parts.stats
    this.#erased = parts.erased
    this.#claims = new Claims(topic, parts.store)
    this.#draining = signals.draining
    this.#stopping = signals.stopping
  }

  /** Resolves when stopped or drained. @throws the error that repeating did not repair */
  run(): Promise<void> {
    return Promise.race([this.#loop(), this.#failed.promise])
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.aborted) {
      // After a failed read the log is rewound to what has been committed.
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

  /** What waits together with `first`, and while little does, also what comes before its turn. */
  async #gather(first: Gathered): Promise<Gathered[]> {
    const { gatherMaxBytes, gatherMaxMs } = this.#options
    const gathered = [first]
    let bytes = await this.#readMore(gathered)
    const isBusy = () => bytes >= gatherMaxBytes * BUSY_SHARE
    // Small inserts cost as much as larger ones: a second one is made at the same time only of a log that is behind.
    while (this.#running.size > 0 && (!isBusy() || this.#running.size === MAX_RUNNING)) {
      await Promise.race(this.#running)
      bytes = await this.#readMore(gathered)
    }
    if (!isBusy()) {
      await pause(this.#lastInsertAt + gatherMaxMs - performance.now(), this.#draining)
      await this.#readMore(gathered)
    }
    return gathered
  }

  #start(gathered: readonly Gathered[]): void {
    this.#lastInsertAt = performance.now()
    for (const { partition } of gathered) this.#storing.add(partition)
    const running = this.#process(gathered)
      .catch((error: unknown) => this.#failed.reject(error))
      .finally(() => {
        for (const { partition } of gathered) this.#storing.delete(partition)
        this.#running.delete(running)
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

  /** Stores the gathers that are still this process's own. @returns those: what another one has taken over, it reads itself */
  async #storeOwned(gathered: readonly Gathered[]): Promise<Gathered[]> {
    const owned = gathered.filter((part) => this.#reader.isCurrent(part))
    this.#stats.fenced += gathered.length - owned.length
    if (owned.length === 0) return []
    const claims = await this.#claims.of(owned)
    const { retention } = this.#options
    const erased = await this.#erased.get()
    const kept = (batches: readonly Batch[]) =>
      batches.map((batch) => erased.without(batch)).filter((batch) => batch !== null)
    try {
      const letters = kept(owned.flatMap((part) => part.letters))
      if (letters.length > 0) await storeGather(this.#store, 'dead_letters', letters, claims, retention, this.#stats)
      const batches = kept(owned.flatMap((part) => part.batches))
      await storeGather(this.#store, this.#topic, batches, claims, retention, this.#stats)
    } catch (error) {
      this.#claims.doubt()
      throw error
    }
    return owned
  }

  /** Another aggregator has claimed a part of the log. If this one still owns it by then, it claims it back. */
  async #fenced(error: unknown): Promise<void> {
    this.#stats.fenced++
    this.#logger.warn(
      { topic: this.#topic, error: messageOf(error) },
      'aggregator: another aggregator owns this partition now; dropped the gather',
    )
    this.#claims.forget()
    this.#reader.rewind(this.#topic)
    await pause(FENCED_PAUSE_MS, this.#draining)
  }

  /** @returns bytes in all */
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
      // What has been gathered is stored first; then reading begins again behind it, and may fail for good.
      this.#logger.warn(
        { topic: this.#topic, error: messageOf(error) },
        'aggregator: cannot read the record log; retrying',
      )
    }
    return bytes
  }

  async #read(maxBytes: number): Promise<Gathered | null> {
    // PRECONDITION: after a failed read everything that was read before it has been committed.
    if (this.#readFailed) this.#reader.rewind(this.#topic)
    this.#readFailed = true
    const gathered = await this.#reader.read(this.#topic, maxBytes, this.#storing)
    this.#readFailed = false
    return gathered
  }

  /** The attempt is repeated after it has ended, ever less often: as long as what it needs is away, or for a bounded time. */
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
          { topic: this.#topic, ...errorFields(error), delay },
          'aggregator: cannot store a gather; retrying',
        )
        await pause(delay, this.#stopping)
      }
    }
  }
}

/** A promise that a part of the loop rejects. */
function failure(): { readonly promise: Promise<never>; reject(error: unknown): void } {
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<never>((_, rejectPromise) => (reject = rejectPromise))
  // Nobody may be waiting any more.
  promise.catch(() => {})
  return { promise, reject }
}
