import type { Store } from '../../store/contract.ts'

/** How often the store is checked, and the limit for its answer. */
export interface AvailabilityTimes {
  readonly everyMs: number
  readonly withinMs: number
}

const TIMES: AvailabilityTimes = { everyMs: 5000, withinMs: 5000 }

/** Checks regularly whether the store answers, and reports changes. */
export class Availability {
  readonly #store: Pick<Store, 'query'>
  readonly #changed: (available: boolean) => void
  readonly #times: AvailabilityTimes
  #available = true
  #timer: NodeJS.Timeout | null = null
  #stopped = false

  constructor(store: Pick<Store, 'query'>, changed: (available: boolean) => void, times = TIMES) {
    this.#times = times
    this.#store = store
    this.#changed = changed
    this.#later()
  }

  /** Whether the store answered when it was asked last. */
  get answers(): boolean {
    return this.#available
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer ?? undefined)
  }

  #later(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#ask(), this.#times.everyMs)
  }

  async #ask(): Promise<void> {
    const available = await this.#ping()
    if (available !== this.#available && !this.#stopped) this.#changed((this.#available = available))
    this.#later()
  }

  /** A store that hangs counts as not answering. */
  #ping(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#times.withinMs)
      this.#store
        .query('SELECT 1')
        .then(
          () => resolve(true),
          () => resolve(false),
        )
        .finally(() => clearTimeout(timer))
    })
  }
}
