/** Work in slices: each next() is one, and the last one returns the result. It must not throw. */
export type Slices<T> = Generator<void, T>

interface Job {
  readonly slices: Slices<unknown>
  readonly bytes: number
  readonly done: (result: never) => void
}

/**
 * Runs work that takes too long for one turn of the event loop: one slice per turn, one job after the other, so that other requests are
 * answered meanwhile and only one body is parsed at a time.
 */
export class SlicedWork {
  readonly #jobs: Job[] = []
  readonly #maxBytes: number
  #bytes = 0
  /** Jobs that were refused because too much is waiting. */
  refused = 0

  /** @param maxBytes bytes of bodies that may wait; more are refused */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether no work is waiting. */
  get idle(): boolean {
    return this.#jobs.length === 0
  }

  /** @returns the result of work on a body of so many bytes; null: refused, too much is waiting */
  run<T>(slices: Slices<T>, bytes: number): Promise<T> | null {
    if (this.#bytes + bytes > this.#maxBytes) {
      this.refused++
      return null
    }
    this.#bytes += bytes
    return new Promise<T>((done) => {
      this.#jobs.push({ slices, bytes, done })
      if (this.#jobs.length === 1) setImmediate(this.#turn)
    })
  }

  readonly #turn = (): void => {
    const [job] = this.#jobs
    const { done, value } = job.slices.next()
    if (done === true) {
      this.#jobs.shift()
      this.#bytes -= job.bytes
      job.done(value as never)
    }
    if (this.#jobs.length > 0) setImmediate(this.#turn)
  }
}
