import type { Store } from '../../store/contract.ts'

const ASK_EVERY_MS = 5000
const ANSWER_WITHIN_MS = 5000

/** Asks the store now and then whether it answers, and tells when that changes. */
export class Availability {
  readonly #store: Pick<Store, 'query'>
  readonly #changed: (available: boolean) => void
  #available = true
  #timer: NodeJS.Timeout | null = null
  #stopped = false

  constructor(store: Pick<Store, 'query'>, changed: (available: boolean) => void) {
    this.#store = store
    this.#changed = changed
    this.#later()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer ?? undefined)
  }

  #later(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#ask(), ASK_EVERY_MS)
  }

  async #ask(): Promise<void> {
    const available = await this.#answers()
    if (available !== this.#available && !this.#stopped) this.#changed((this.#available = available))
    this.#later()
  }

  /** A store that hangs does not answer either. */
  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ANSWER_WITHIN_MS)
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
