import type { Logger } from '../common/logger.ts'
import { sqlTime } from '../common/sql-time.ts'
import { RowQueue } from './row-queue.ts'
import type { TableStore } from './table-store.ts'

/** One row of table `sql_queries`; the comments of its columns explain them. */
export interface QueryLogEntry {
  readonly user: string
  readonly remote_ip: string
  readonly kind: string
  readonly tables: readonly string[]
  readonly query: string
  readonly exception_code: number
  readonly result_rows: number
  readonly result_bytes: number
  readonly elapsed_ms: number
}

/** Rows that wait while the store does not take them; then the oldest are dropped. */
const MAX_WAITING = 5000
/** Queries of this time are one insert. */
const DELAY_MS = 2000

/** Writes table `sql_queries`. */
export class QueryLog {
  readonly #rows: RowQueue<QueryLogEntry & { readonly at: string }>

  constructor(store: TableStore, logger: Logger) {
    const table =
      'gatepost.sql_queries (at, user, remote_ip, kind, tables, query, exception_code, result_rows, result_bytes, elapsed_ms)'
    this.#rows = new RowQueue({ store, table, max: MAX_WAITING, delayMs: DELAY_MS, logger })
  }

  /** Rows that were dropped because the store did not take them. */
  get lost(): number {
    return this.#rows.lost
  }

  add(entry: QueryLogEntry, now: Date): void {
    this.#rows.add([{ at: sqlTime(now), ...entry }])
  }

  close(): Promise<void> {
    return this.#rows.close()
  }
}
