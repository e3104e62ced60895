import { setTimeout as sleep } from 'node:timers/promises'
import { Backoff } from '../../common/backoff.ts'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { containerHeader } from '../../schemas/container.ts'
import type { Topic } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Spill } from './spill.ts'

/** `size`: the request was too large for the topic; `partition`: the next one would fail as well. */
export type ResendOutcome = 'acked' | 'size' | 'partition'

/** What the resend loop needs of the writer. */
export interface ResendTarget {
  /** Where a batch goes: the partition of its identity. */
  partition(batch: Batch): number
  /** Sends batches to one partition as one request. @returns whether all of them were acknowledged, and if not, what is to blame */
  resend(partition: number, batches: readonly Batch[]): Promise<ResendOutcome>
  /** Whether requests that people wait for are on their way. */
  busy(): boolean
}

/** Batches read from the disk at once, and sent in one request: well below the brokers' limit of a message. */
const GATHER_BYTES = 4 * 2 ** 20
const REQUEST_BYTES = 512 * 2 ** 10
/** The headers of a message; its container has one of its own, which holds the schema's text. */
const MESSAGE_HEADERS_BYTES = 512
const REQUEST_BATCHES = 500
/** The spill takes a bounded number of appends at once. */
const PUT_BACK_AT_ONCE = 16
const POLL_MS = 50
const BACKOFF_FIRST_MS = 250
const BACKOFF_MAX_MS = 3000
/** The longest that it stands back for live traffic after a request. */
const MAX_COURTESY_MS = 1000

/**
 * Sends one topic's spilled batches again, oldest first, until there are none; what was acknowledged is removed. It is also what finds
 * out that a partition works again.
 */
export class Resend {
  readonly #topic: Topic
  readonly #spill: Spill
  readonly #target: ResendTarget
  readonly #logger: Logger
  #wake: (() => void) | null = null
  #waiting: boolean
  #closed = false
  readonly #backoff = new Backoff(BACKOFF_FIRST_MS, BACKOFF_MAX_MS)
  readonly #ending = new AbortController()
  #abandon: (() => void) | null = null
  #loop: Promise<void> | null = null

  constructor(topic: Topic, spill: Spill, target: ResendTarget, logger: Logger) {
    this.#topic = topic
    this.#spill = spill
    this.#target = target
    this.#logger = logger
    // What an earlier process left.
    this.#waiting = true
  }

  /** Whether something of the topic may be in the spill. */
  get waiting(): boolean {
    return this.#waiting
  }

  start(): void {
    this.#loop = this.#run()
  }

  /** Something has gone to the spill. */
  notice(): void {
    this.#waiting = true
    this.#wake?.()
  }

  /** Ends at once. */
  async close(): Promise<void> {
    this.#closed = true
    this.#ending.abort()
    this.#abandon?.()
    this.#wake?.()
    await this.#loop
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        const gathered = await this.#spill.read(this.#topic, GATHER_BYTES)
        if (gathered === null) await this.#rest()
        else if (await this.#sendAll(gathered.batches)) await this.#spill.commit(gathered)
      } catch (error) {
        this.#logger.error(
          { topic: this.#topic, err: error },
          `spill: cannot read a segment; retrying: ${messageOf(error)}`,
        )
        this.#spill.rewind(this.#topic)
        await this.#sleep(BACKOFF_MAX_MS)
      }
    }
  }

  /** Until the open segment is sealed, or until there is one. */
  async #rest(): Promise<void> {
    // Forgotten before it is looked up: what comes in between is noticed.
    this.#waiting = false
    if ((await this.#spill.lag(this.#topic)).oldestAt !== null) {
      this.#waiting = true
      return this.#sleep(POLL_MS)
    }
    if (this.#waiting || this.#closed) return
    await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#wake = null
  }

  /** @returns whether everything is out of the segments; false: closed before that */
  async #sendAll(batches: readonly Batch[]): Promise<boolean> {
    let left = batches
    let room = true
    for (;;) {
      const before = left.length
      const pass = await this.#pass(left)
      left = pass.left
      const others = left.length < before || pass.tooLarge
      if (left.length === 0) {
        this.#backoff.reset()
        return true
      }
      if (this.#closed) return false
      // What cannot go must not hold back the others: it goes to the spill's end.
      if (others && room) room = await this.#putBack(left)
      await this.#sleep(this.#backoff.next())
      if (others && room) return true
    }
  }

  /** One attempt at each. @returns what was not acknowledged, and whether the size of some of it is to blame */
  async #pass(batches: readonly Batch[]): Promise<{ left: Batch[]; tooLarge: boolean }> {
    let tooLarge = false
    const left: Batch[] = []
    const failed = new Set<number>()
    const waiting = requests(batches, (batch) => this.#target.partition(batch))
    for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
      const { partition, chunk } = request
      if (this.#closed || failed.has(partition)) {
        left.push(...chunk)
        continue
      }
      const started = performance.now()
      const outcome = await this.#request(partition, chunk)
      if (outcome === 'partition') failed.add(partition)
      if (outcome === 'size' && chunk.length > 1)
        waiting.unshift(...chunk.map((batch) => ({ partition, chunk: [batch] })))
      else if (outcome !== 'acked') {
        tooLarge ||= outcome === 'size'
        left.push(...chunk)
      }
      // Half of the time belongs to those who wait.
      if (this.#target.busy()) await this.#sleep(Math.min(performance.now() - started, MAX_COURTESY_MS))
    }
    return { left, tooLarge }
  }

  /** At the end what has no answer yet stays in the spill. */
  #request(partition: number, chunk: readonly Batch[]): Promise<ResendOutcome> {
    return new Promise((resolve, reject) => {
      this.#abandon = () => resolve('partition')
      this.#target.resend(partition, chunk).then(resolve, reject)
    })
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#ending.signal }).catch(() => {})
  }

  async #putBack(batches: readonly Batch[]): Promise<boolean> {
    try {
      for (let start = 0; start < batches.length; start += PUT_BACK_AT_ONCE) {
        const some = batches.slice(start, start + PUT_BACK_AT_ONCE)
        await Promise.all(some.map((batch) => this.#spill.append(batch)))
      }
      return true
    } catch {
      // No room: they stay where they are. Some may be there twice now: they have the same identity.
      return false
    }
  }
}

/** Batches as requests of one partition each, oldest first. */
function requests(
  batches: readonly Batch[],
  partitionOf: (batch: Batch) => number,
): { partition: number; chunk: Batch[] }[] {
  const all: { partition: number; chunk: Batch[]; bytes: number }[] = []
  const open = new Map<number, { partition: number; chunk: Batch[]; bytes: number }>()
  for (const batch of batches) {
    const partition = partitionOf(batch)
    let request = open.get(partition)
    if (
      request === undefined ||
      request.bytes + batch.records.length > REQUEST_BYTES ||
      request.chunk.length === REQUEST_BATCHES
    ) {
      request = { partition, chunk: [], bytes: 0 }
      open.set(partition, request)
      all.push(request)
    }
    request.chunk.push(batch)
    // Headers and container come on top of the records.
    request.bytes += batch.records.length + containerHeader(batch.schema).length + MESSAGE_HEADERS_BYTES
  }
  return all
}
