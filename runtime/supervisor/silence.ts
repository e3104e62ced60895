import { ALIVE_EVERY_MS } from '../child.ts'

/** A child that has been silent for this long does not count as ready: signs of life come every second. */
const NOTICED_AFTER_MS = 5000
/** Opening a large store blocks the event loop, so a child that starts may be silent for longer. */
const START_FACTOR = 10

/**
 * How long a child has given no sign of life, counted in ticks of the supervisor's timer and not by the clock: after a supervisor was itself
 * stopped (a laptop that slept, SIGSTOP), no child counts as silent.
 */
export class Silence {
  readonly #hungAfterMs: number
  #ticks = 0

  constructor(hungAfterMs: number) {
    this.#hungAfterMs = hungAfterMs
  }

  /** Once every ALIVE_EVERY_MS. */
  tick(): void {
    this.#ticks++
  }

  /** There was a sign of life. */
  reset(): void {
    this.#ticks = 0
  }

  get isNoticed(): boolean {
    return this.#ticks * ALIVE_EVERY_MS > Math.min(NOTICED_AFTER_MS, this.#hungAfterMs)
  }

  isTooLong(hasStarted: boolean): boolean {
    return this.#ticks * ALIVE_EVERY_MS > this.limitMs(hasStarted)
  }

  limitMs(hasStarted: boolean): number {
    return hasStarted ? this.#hungAfterMs : START_FACTOR * this.#hungAfterMs
  }
}
