/** Hashes that wait in one lane, and of them those of one origin. */
const MAX_WAITING = 32
const MAX_OF_ORIGIN = 4

/**
 * Who waits: `known`: of a registered gateway, or of an address where somebody knew a password. `suspect`: of an address with several wrong
 * passwords. Lanes do not depend on whether an account exists: how long a login takes would tell.
 */
export const LANES = ['known', 'unknown', 'suspect', 'signup'] as const
export type Lane = (typeof LANES)[number]
/** The lanes that the first of the two threads serves, in this order. */
const LOGINS: readonly Lane[] = ['known', 'unknown']

/** The queue of hashes is full. */
export class PasswordsBusy extends Error {}

interface Waiter {
  readonly go: (done: () => void) => void
  readonly refuse: (error: PasswordsBusy) => void
}

/** Origins take turns, so that one which sends many waits for itself. */
class FairLane {
  /** Iteration order is the order of turns. */
  readonly #origins = new Map<string, Waiter[]>()
  #waiting = 0

  /** A full lane drops the newest of the origin that has most waiting. */
  add(origin: string, waiter: Waiter): void {
    const own = this.#origins.get(origin) ?? []
    if (own.length >= MAX_OF_ORIGIN) return refuse(waiter)
    if (this.#waiting >= MAX_WAITING) {
      const most = [...this.#origins.values()].reduce((a, b) => (b.length > a.length ? b : a))
      if (most.length <= own.length + 1) return refuse(waiter)
      refuse(most.pop() as Waiter)
      this.#waiting--
    }
    own.push(waiter)
    this.#origins.set(origin, own)
    this.#waiting++
  }

  next(): Waiter | null {
    for (const [origin, waiters] of this.#origins) {
      this.#origins.delete(origin)
      const [first] = waiters.splice(0, 1)
      if (waiters.length > 0) this.#origins.set(origin, waiters)
      this.#waiting--
      return first
    }
    return null
  }
}

function refuse(waiter: Waiter): void {
  waiter.refuse(new PasswordsBusy('too many passwords are waiting to be hashed'))
}

/** Orders the hashes of a process, so that strangers' guesses and sign-ups do not hold up logins. */
export class HashQueue {
  readonly #lanes = new Map(LANES.map((lane) => [lane, new FairLane()]))
  /** Two hashes at a time: they use threads that file operations need too. The first is for logins only. */
  readonly #idle = [true, true]
  /** The lane that the second thread served last. */
  #turn = 0

  /** Resolves with a function to call when the hash is computed. @throws PasswordsBusy */
  enter(lane: Lane, origin: string): Promise<() => void> {
    return new Promise((resolve, reject) => {
      this.#laneOf(lane).add(origin, { go: resolve, refuse: reject })
      this.#serve()
    })
  }

  #serve(): void {
    for (let thread = 0; thread < this.#idle.length; thread++) {
      if (!this.#idle[thread]) continue
      const waiter = thread === 0 ? this.#nextLogin() : this.#nextOfAll()
      if (waiter === null) continue
      this.#idle[thread] = false
      waiter.go(() => {
        this.#idle[thread] = true
        this.#serve()
      })
    }
  }

  #nextLogin(): Waiter | null {
    for (const lane of LOGINS) {
      const waiter = this.#laneOf(lane).next()
      if (waiter !== null) return waiter
    }
    return null
  }

  #nextOfAll(): Waiter | null {
    for (let tried = 0; tried < LANES.length; tried++) {
      this.#turn = (this.#turn + 1) % LANES.length
      const waiter = this.#laneOf(LANES[this.#turn]).next()
      if (waiter !== null) return waiter
    }
    return null
  }

  #laneOf(lane: Lane): FairLane {
    return this.#lanes.get(lane) as FairLane
  }
}
