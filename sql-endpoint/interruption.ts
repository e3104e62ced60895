import type { Engine } from './engine.ts'
import type { RunningStatement } from './running-statements.ts'

/** The engine may not have begun with the query yet, or with its next step. */
const AGAIN_MS = 200

/** Ends a query in the engine once its client is gone. */
export class Interruption {
  readonly #engine: Engine
  readonly #statement: RunningStatement
  readonly #signal: AbortSignal
  #timer: NodeJS.Timeout | null = null
  #killing: Promise<void> = Promise.resolve()
  #isOver = false

  constructor(engine: Engine, statement: RunningStatement, signal: AbortSignal) {
    this.#engine = engine
    this.#statement = statement
    this.#signal = signal
    signal.addEventListener('abort', this.#kill, { once: true })
    if (signal.aborted) this.#kill()
  }

  readonly #kill = (): void => {
    this.#killing = this.#engine
      .kill(this.#statement.condition)
      .catch(() => undefined)
      .then(() => {
        if (!this.#isOver) this.#timer = setTimeout(this.#kill, AGAIN_MS)
      })
  }

  async stop(): Promise<void> {
    this.#isOver = true
    this.#signal.removeEventListener('abort', this.#kill)
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#killing
  }
}
