import type { Engine } from './engine.ts'
import type { StatementCounts } from './summary.ts'

/** Each look takes as long as a small query. */
const MOST_LOOKS = 500

/**
 * What a streamed statement has read. The engine says it in system.processes, from which the statement disappears with its end; only what is
 * seen when all rows of its tables have been read is the truth, so until then it is not known, nor of a statement that stops earlier (LIMIT).
 */
export class ReadCounts {
  readonly #engine: Engine
  readonly #condition: string
  #looks = 0
  counts: StatementCounts = {}

  /** @param condition on system.processes */
  constructor(engine: Engine, condition: string) {
    this.#engine = engine
    this.#condition = condition
  }

  /** Called after each chunk. */
  async look(): Promise<void> {
    if (this.counts.readRows !== undefined || ++this.#looks > MOST_LOOKS) return
    const progress = await this.#engine.progress(this.#condition)
    if (progress === null || progress.totalRows === 0 || progress.readRows < progress.totalRows) return
    const { readRows, readBytes, totalRows } = progress
    this.counts = { readRows, readBytes, totalRows }
  }
}
