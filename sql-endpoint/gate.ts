import { SqlError } from './errors.ts'

interface Waiter {
  readonly gate: Gate
  /** Whom it waits for: the queue takes turns between them. */
  readonly who: string
  readonly admit: () => void
  readonly refuse: (error: SqlError) => void
}

/** How long a slot is its holder's alone. */
export interface Lease {
  readonly ms: number
  /**
   * Makes the holder release its slot soon: called when that time is over and somebody waits.
   * @returns false: it cannot be interrupted yet, and is asked again when that time is over once more
   */
  readonly revoke: () => boolean
}

interface Holder {
  readonly lease: Lease
  readonly timer: NodeJS.Timeout
}

/** Queued requests, limited in number over all gates that share it, and in time. */
export class Queue {
  readonly max: number
  readonly maxWaitMs: number
  /** In order of arrival. */
  readonly waiting = new Set<Waiter>()

  constructor(max: number, maxWaitMs: number) {
    this.max = max
    this.maxWaitMs = maxWaitMs
  }

  get length(): number {
    return this.waiting.size
  }

  /** If the queue is full: the newest request of the one who has most of it, if that is more than `who` would have. */
  displacedBy(who: string): Waiter | undefined {
    const counts = new Map<string, number>()
    for (const waiter of this.waiting) counts.set(waiter.who, (counts.get(waiter.who) ?? 0) + 1)
    const [most, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0] as [string, number])
    if (count <= (counts.get(who) ?? 0) + 1) return undefined
    return [...this.waiting].findLast((waiter) => waiter.who === most)
  }
}

/**
 * Admits a limited number at a time. Of those who wait, the next slot goes to the one with fewest slots, then to the one who got none for longest, then to
 * the first; a full queue refuses those who have most of it. Who holds a slot for longer than its lease loses it once somebody waits.
 */
export class Gate {
  readonly #max: number
  readonly #queue: Queue
  /** Slots in use, by who uses them. */
  readonly #slots = new Map<string, number>()
  /** When each of those who run or wait got a slot last, by the number of the turn. */
  readonly #turns = new Map<string, number>()
  /** Of holders whose time is over; the oldest first. */
  readonly #expired = new Set<Holder>()
  #turn = 0
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
   * @param who any text: slots are fair between them
   * @param lease without one the holder is never interrupted
   * @throws SqlError TOO_MANY_SIMULTANEOUS_QUERIES: the queue is full, or the wait was too long; ABORTED: the client disconnected meanwhile
   */
  async enter(who: string, signal: AbortSignal, lease?: Lease): Promise<() => void> {
    if (this.#active >= this.#max) await this.#wait(who, signal)
    else this.#take(who)
    const holder = lease === undefined ? null : this.#hold(lease)
    let left = false
    return () => {
      if (left) return
      left = true
      if (holder !== null) {
        clearTimeout(holder.timer)
        this.#expired.delete(holder)
      }
      this.#release(who)
    }
  }

  #hold(lease: Lease): Holder {
    const expire = (): void => {
      this.#expired.add(holder)
      if (this.#waiting().length > 0) this.#revokeOne()
    }
    const holder: Holder = { lease, timer: setTimeout(expire, lease.ms) }
    return holder
  }

  #revokeOne(): void {
    const [holder] = this.#expired
    if (holder === undefined) return
    this.#expired.delete(holder)
    if (!holder.lease.revoke()) holder.timer.refresh()
  }

  #waiting(): Waiter[] {
    return [...this.#queue.waiting].filter(({ gate }) => gate === this)
  }

  #take(who: string): void {
    this.#active++
    this.#slots.set(who, (this.#slots.get(who) ?? 0) + 1)
    this.#turns.set(who, ++this.#turn)
  }

  #release(who: string): void {
    this.#active--
    const slots = (this.#slots.get(who) ?? 0) - 1
    if (slots > 0) this.#slots.set(who, slots)
    else this.#slots.delete(who)
    const waiting = this.#waiting()
    const known = new Set([...this.#slots.keys(), ...waiting.map((waiter) => waiter.who)])
    for (const name of this.#turns.keys()) if (!known.has(name)) this.#turns.delete(name)
    if (waiting.length === 0) return
    const next = waiting.reduce((first, other) => (this.#goesBefore(other.who, first.who) ? other : first))
    this.#take(next.who)
    next.admit()
  }

  #goesBefore(who: string, other: string): boolean {
    const slots = (this.#slots.get(who) ?? 0) - (this.#slots.get(other) ?? 0)
    return slots !== 0 ? slots < 0 : (this.#turns.get(who) ?? 0) < (this.#turns.get(other) ?? 0)
  }

  #wait(who: string, signal: AbortSignal): Promise<void> {
    const queue = this.#queue
    if (queue.length >= queue.max) {
      const displaced = queue.displacedBy(who)
      if (displaced === undefined) throw this.#tooMany()
      displaced.refuse(this.#tooMany())
    }
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        queue.waiting.delete(waiter)
        clearTimeout(timer)
        signal.removeEventListener('abort', abandon)
      }
      const waiter: Waiter = {
        gate: this,
        who,
        admit: () => {
          settle()
          resolve()
        },
        refuse: (error) => {
          settle()
          reject(error)
        },
      }
      const abandon = (): void => {
        waiter.refuse(new SqlError('ABORTED', 'The client went away while its query waited'))
      }
      const seconds = queue.maxWaitMs / 1000
      const tooLong = `Too many simultaneous queries: none of ${this.#max} ended within ${seconds} s`
      const timer = setTimeout(
        () => waiter.refuse(new SqlError('TOO_MANY_SIMULTANEOUS_QUERIES', tooLong)),
        queue.maxWaitMs,
      )
      queue.waiting.add(waiter)
      signal.addEventListener('abort', abandon, { once: true })
      this.#revokeOne()
    })
  }

  #tooMany(): SqlError {
    return new SqlError(
      'TOO_MANY_SIMULTANEOUS_QUERIES',
      `Too many simultaneous queries. Maximum: ${this.#max} running, ${this.#queue.max} waiting`,
    )
  }
}
