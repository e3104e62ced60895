import { SqlError } from './errors.ts'

interface Waiter {
  readonly admit: () => void
}

/** The number of queued requests, limited over all gates that share it. */
export class Queue {
  readonly max: number
  length = 0

  constructor(max: number) {
    this.max = max
  }
}

/** Admits a limited number at a time, queues a limited number in order of arrival, and refuses the rest. */
export class Gate {
  readonly #max: number
  readonly #queue: Queue
  readonly #waiting = new Set<Waiter>()
  #active = 0

  constructor(max: number, queue: Queue) {
    this.#max = max
    this.#queue = queue
  }

  get active(): number {
    return this.#active
  }

  /**
   * Resolves with a function that releases the slot.
   * @throws SqlError TOO_MANY_SIMULTANEOUS_QUERIES: the queue is full; ABORTED: the client disconnected meanwhile
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.#active >= this.#max) await this.#wait(signal)
    else this.#active++
    let left = false
    return () => {
      if (left) return
      left = true
      const [next] = this.#waiting
      // The slot is handed to the next in the queue, without becoming free in between.
      if (next === undefined) this.#active--
      else {
        this.#waiting.delete(next)
        next.admit()
      }
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#queue.length >= this.#queue.max) {
      throw new SqlError(
        'TOO_MANY_SIMULTANEOUS_QUERIES',
        `Too many simultaneous queries. Maximum: ${this.#max} running, ${this.#queue.max} waiting`,
      )
    }
    this.#queue.length++
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#queue.length--
        signal.removeEventListener('abort', abandon)
      }
      const waiter: Waiter = {
        admit: () => {
          settle()
          resolve()
        },
      }
      const abandon = (): void => {
        this.#waiting.delete(waiter)
        settle()
        reject(new SqlError('ABORTED', 'The client went away while its query waited'))
      }
      this.#waiting.add(waiter)
      signal.addEventListener('abort', abandon, { once: true })
    })
  }
}
