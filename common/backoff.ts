/**
 * How long to wait before each further attempt: the wait doubles from `firstMs` to `maxMs`, and each one is between half and all of that at
 * random, so that processes that failed together do not come back together.
 *
 * p-retry repeats a call in the same way and is used where there is a call to repeat a bounded number of times (reporter/publish). It does
 * not serve where attempts are begun by a timer or an event, where a stop has to end the wait and keep what the last attempt brought, or
 * where attempts go on for as long as a server is away: its jitter ends at the longest wait, and it gives up at once after a TypeError.
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

  /** An attempt has succeeded: the next wait is the first one again. */
  reset(): void {
    this.#ms = this.#firstMs
  }
}
