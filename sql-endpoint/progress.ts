import type { Engine, Progress } from './engine.ts'

/** Clients read some tens of headers, and some kilobytes of them. */
const MOST_HEADERS = 20
export const DEFAULT_INTERVAL_MS = 100

/** Looks at a query from time to time while it runs, for X-ClickHouse-Progress. */
export class ProgressWatch {
  readonly #engine: Engine
  readonly #condition: string
  readonly #intervalMs: number
  readonly #started = performance.now()
  readonly #seen: string[] = []
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> = Promise.resolve()
  #isOver = false

  /** @param condition on system.processes */
  constructor(engine: Engine, condition: string, intervalMs: number) {
    this.#engine = engine
    this.#condition = condition
    this.#intervalMs = Math.max(intervalMs, DEFAULT_INTERVAL_MS)
    this.#wait()
  }

  /** Of what was seen so far; the newest if there is much. */
  get headers(): string[] {
    return this.#seen.slice(-MOST_HEADERS)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#looking
  }

  #wait(): void {
    if (this.#isOver) return
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
    }, this.#intervalMs)
  }

  async #look(): Promise<void> {
    const progress = await this.#engine.progress(this.#condition).catch(() => null)
    if (progress !== null) this.#add(progress)
    this.#wait()
  }

  #add({ readRows, readBytes, totalRows }: Progress): void {
    const fields = {
      read_rows: String(readRows),
      read_bytes: String(readBytes),
      total_rows_to_read: String(totalRows),
      elapsed_ns: String(Math.round((performance.now() - this.#started) * 1e6)),
    }
    this.#seen.push(JSON.stringify(fields))
    if (this.#seen.length > MOST_HEADERS) this.#seen.shift()
  }
}
