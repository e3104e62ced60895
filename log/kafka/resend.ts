import { setTimeout as sleep } from 'node:timers/promises'
import { Backoff } from '../../common/backoff.ts'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { containerHeader } from '../../schemas/container.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Spill } from './spill.ts'

/** `size`: the request was too large for the topic; `partition`: the next request would fail as well. */
export type ResendOutcome = 'acked' | 'size' | 'partition'

/** What the resend loop needs from the writer. */
export interface ResendTarget {
  /** The partition to send a batch to, from its identity. */
  partition(batch: Batch): number
  /** Sends batches to one partition in one request. @returns whether all were acknowledged, and otherwise the cause */
  resend(partition: number, batches: readonly Batch[]): Promise<ResendOutcome>
  /** Whether live sends are in flight. */
  busy(): boolean
}

/** Batches read from disk at once, and sent in one request: well below the brokers' limit for a message. */
const GATHER_BYTES = 4 * 2 ** 20
const REQUEST_BYTES = 512 * 2 ** 10
/** The headers of a message; its container has one of its own, which holds the schema's text. */
const MESSAGE_HEADERS_BYTES = 512
const REQUEST_BATCHES = 500
/** The spill accepts a limited number of appends at once. */
const PUT_BACK_AT_ONCE = 16
const POLL_MS = 50
const BACKOFF_FIRST_MS = 250
const BACKOFF_MAX_MS = 3000
/** Maximum pause in favour of live traffic after a request. */
const MAX_COURTESY_MS = 1000

/**
 * Resends the spilled batches of one topic, oldest first, until there are none; acknowledged batches are removed. It also finds out when a
 * partition works again.
 */
export class Resend {
  readonly #stream: Stream
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

  constructor(stream: Stream, spill: Spill, target: ResendTarget, logger: Logger) {
    this.#stream = stream
    this.#spill = spill
    this.#target = target
    this.#logger = logger
    // An earlier process may have left some.
    this.#waiting = true
  }

  /** Whether the spill may hold batches of the topic. */
  get waiting(): boolean {
    return this.#waiting
  }

  start(): void {
    this.#loop = this.#run()
  }

  /** A batch was written to the spill. */
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
        const gathered = await this.#spill.read(this.#stream, GATHER_BYTES)
        if (gathered === null) await this.#rest()
        else if (await this.#sendAll(gathered.batches)) await this.#spill.commit(gathered)
      } catch (error) {
        this.#logger.error(
          { event: 'spill.read_failed', stream: this.#stream, err: error },
          `spill: cannot read a segment; retrying: ${messageOf(error)}`,
        )
        this.#spill.rewind(this.#stream)
        await this.#sleep(BACKOFF_MAX_MS)
      }
    }
  }

  /** Waits until the open segment is sealed, or until there is one. */
  async #rest(): Promise<void> {
    // Reset before the look-up, so that a batch spilled meanwhile is noticed.
    this.#waiting = false
    if ((await this.#spill.lag(this.#stream)).oldestAt !== null) {
      this.#waiting = true
      return this.#sleep(POLL_MS)
    }
    if (this.#waiting || this.#closed) return
    await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#wake = null
  }

  /** @returns whether all batches have left the segments; false: closed before that */
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
      // A batch that cannot be sent must not block the others: it is appended to the end of the spill.
      if (others && room) room = await this.#putBack(left)
      await this.#sleep(this.#backoff.next())
      if (others && room) return true
    }
  }

  /** Tries each batch once. @returns the unacknowledged batches, and whether the size of some of them is the cause */
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
      // Leaves half of the time to live traffic.
      if (this.#target.busy()) await this.#sleep(Math.min(performance.now() - started, MAX_COURTESY_MS))
    }
    return { left, tooLarge }
  }

  /** When closing, batches without an answer stay in the spill. */
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
      // No room: they stay in the segments. Some may now be there twice, with the same identity.
      return false
    }
  }
}

/** Groups batches into requests to one partition each, oldest first. */
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
