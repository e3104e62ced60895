import { messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { insertRows, type TableStore } from './table-store.ts'

const RETRY_MS = 5000

export interface RowQueueOptions {
  readonly store: TableStore
  /** With its columns: `gatepost.audit_log (at, who)`. */
  readonly table: string
  /** Rows that wait while the store does not take them; then the oldest are dropped. */
  readonly max: number
  /** How long a row waits for others to be written with it; 0: it is written at once. */
  readonly delayMs: number
  readonly logger: Logger
}

/** Writes rows for which nobody waits, in order. */
export class RowQueue<Row extends object> {
  readonly #options: RowQueueOptions
  #waiting: Row[] = []
  #writing: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  /** Rows that were dropped because the store did not take them. */
  lost = 0

  constructor(options: RowQueueOptions) {
    this.#options = options
  }

  add(rows: readonly Row[]): void {
    const { max, delayMs } = this.#options
    this.#waiting.push(...rows)
    const over = this.#waiting.length - max
    if (over > 0) {
      this.#waiting.splice(0, over)
      this.lost += over
    }
    if (this.#waiting.length === 0 || this.#writing !== null || this.#timer !== null) return
    if (delayMs === 0) this.#write()
    else this.#writeIn(delayMs)
  }

  /** Writes what waits; what the store does not take then is lost. */
  async close(): Promise<void> {
    while (this.#writing !== null) await this.#writing
    this.#stopTimer()
    if (this.#waiting.length === 0) return
    // A last try, if the one before failed.
    await this.#writeWaiting()
    this.#stopTimer()
  }

  #writeIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#write()
    }, ms).unref()
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #write(): void {
    this.#writing = this.#writeWaiting().finally(() => {
      this.#writing = null
      if (this.#waiting.length > 0 && this.#timer === null) this.#writeIn(this.#options.delayMs)
    })
  }

  /** Never rejects. */
  async #writeWaiting(): Promise<void> {
    const { store, table, max, logger } = this.#options
    const rows = this.#waiting
    this.#waiting = []
    try {
      await insertRows(store, table, rows)
    } catch (error) {
      const [name] = table.split(' ')
      logger.error(
        { event: 'store.rows_waiting', error: messageOf(error), rows: rows.length },
        `rows of ${name} cannot be written; they are kept for the next try, at most ${max} of them`,
      )
      this.#waiting = [...rows, ...this.#waiting]
      this.#writeIn(RETRY_MS)
    }
  }
}
