import { Backoff } from '../../common/backoff.ts'

/** A live batch tries a failed partition again after this time, doubling; batches of the spill try it more often. */
const PROBE_FIRST_MS = 2000
const PROBE_MAX_MS = 30_000

/** Tracks which partitions of a topic accept records, and selects the next one. */
export class PartitionHealth {
  #count: number
  #next: number
  /** Failing partitions: when a live batch may try again, and the backoff after that. */
  readonly #failing = new Map<number, { probeAt: number; delay: number; readonly backoff: Backoff }>()
  readonly #random: () => number

  /** @param random for tests, see Backoff */
  constructor(count: number, random = Math.random) {
    this.#random = random
    this.#count = count
    this.#next = Math.floor(Math.random() * count)
  }

  get count(): number {
    return this.#count
  }

  get failing(): number {
    return this.#failing.size
  }

  resize(count: number): void {
    this.#count = count
    for (const partition of this.#failing.keys()) if (partition >= count) this.#failing.delete(partition)
  }

  /** Round robin. Returns a failing partition only if all are failing, or to probe it. */
  rotate(now: number): number {
    for (let step = 0; step < this.#count; step++) {
      const partition = this.#advance()
      const state = this.#failing.get(partition)
      if (state === undefined || now >= state.probeAt) return partition
    }
    return this.#advance()
  }

  #advance(): number {
    this.#next = (this.#next + 1) % this.#count
    return this.#next
  }

  /** Whether to send to the partition. For a failing one, occasionally: after a yes, other batches wait for the outcome of that one. */
  allows(partition: number, now: number): boolean {
    const state = this.#failing.get(partition)
    if (state === undefined) return true
    if (now < state.probeAt) return false
    state.probeAt = now + state.delay
    return true
  }

  failed(partition: number, now: number): void {
    const backoff = this.#failing.get(partition)?.backoff ?? new Backoff(PROBE_FIRST_MS, PROBE_MAX_MS, this.#random)
    const delay = backoff.next()
    this.#failing.set(partition, { probeAt: now + delay, delay, backoff })
  }

  /** @returns whether it was failing */
  succeeded(partition: number): boolean {
    return this.#failing.delete(partition)
  }
}
