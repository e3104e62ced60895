import { GatepostError } from '../common/errors.ts'

/**
 * Workers (connections) and those who wait for one, in order of arrival. At most `maxWaiting` wait: more are refused, so that a slow store
 * shows as an error and not as memory.
 */
export class WorkerQueue<W> {
  readonly #idle: W[]
  readonly #workers: number
  readonly #maxWaiting: number
  readonly #waiting: ((worker: W) => void)[] = []
  #closing: (() => void) | null = null

  constructor(workers: readonly W[], maxWaiting: number) {
    this.#idle = [...workers]
    this.#workers = workers.length
    this.#maxWaiting = maxWaiting
  }

  /** @throws GatepostError STORE_UNAVAILABLE: closing, or too many wait; else whatever `work` throws */
  async use<T>(work: (worker: W) => Promise<T>): Promise<T> {
    const worker = await this.#take()
    try {
      return await work(worker)
    } finally {
      this.#give(worker)
    }
  }

  /** Refuses new work and resolves when what was accepted has ended. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#closing = resolve
      this.#resolveIfIdle()
    })
  }

  #take(): Promise<W> {
    if (this.#closing) return Promise.reject(new GatepostError('STORE_UNAVAILABLE', 'the store is closing'))
    const worker = this.#idle.pop()
    if (worker !== undefined) return Promise.resolve(worker)
    if (this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(new GatepostError('STORE_UNAVAILABLE', `${this.#maxWaiting} queries wait already`))
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #give(worker: W): void {
    const next = this.#waiting.shift()
    if (next) return next(worker)
    this.#idle.push(worker)
    this.#resolveIfIdle()
  }

  #resolveIfIdle(): void {
    if (this.#closing && this.#idle.length === this.#workers) this.#closing()
  }
}
