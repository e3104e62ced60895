/**
 * Exponential backoff with jitter: the wait doubles from `firstMs` to `maxMs`, and each wait is random between half and all of that, so that
 * processes that failed together do not retry together.
 *
 * p-retry does the same for a call that is repeated a bounded number of times (reporter/publish). It does not fit where attempts are started
 * by a timer or an event, where a stop must interrupt the wait and keep the result of the last attempt, or where attempts go on as long as a
 * server is down: its jitter ends at the longest wait, and it gives up at once after a TypeError.
 */
export class Backoff {
  readonly #firstMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #ms: number

  /** @param random in [0, 1]; for tests */
  constructor(firstMs: number, maxMs: number, random: () => number = Math.random) {
    this.#firstMs = firstMs
    this.#maxMs = maxMs
    this.#random = random
    this.#ms = firstMs
  }

  /** The wait before the next attempt, ms. */
  next(): number {
    const ms = this.#ms
    this.#ms = Math.min(ms * 2, this.#maxMs)
    return ms * (0.5 + 0.5 * this.#random())
  }

  /** An attempt succeeded: the next wait is the first one again. */
  reset(): void {
    this.#ms = this.#firstMs
  }
}
