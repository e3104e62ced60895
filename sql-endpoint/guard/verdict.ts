import type { Assignments } from './set.ts'
import type { StatementSummary } from './summary.ts'
import type { TableFilter } from './table-filters.ts'
import type { TemporaryChange } from './temporary-tables.ts'

export interface Verdict {
  /** The text to run: without FORMAT, and with restricted versions of catalogue tables. */
  readonly sql: string
  readonly format: string | null
  /** Whether it writes or changes something. */
  readonly writes: boolean
  /** An INSERT whose data follows. */
  readonly takesData: boolean
  /** Whether it is one: its result can come in chunks, and without a SETTINGS clause it leaves its connection as it was. */
  readonly isSelect: boolean
  /** What it does to a temporary table, if that is what it does. */
  readonly temporary: TemporaryChange | null
  /** What it sets for the session: nothing else has to be done then. */
  readonly assigns: Assignments | null
  /** Which queries it ends, if it is a KILL QUERY: the endpoint knows which of the engine's they are. */
  readonly kills: Kill | null
  /** Conditions in its settings, which have to be judged too: see queryOfFilter(). */
  readonly filters: readonly TableFilter[]
  readonly summary: StatementSummary
}

export interface Kill {
  /** As a literal. */
  readonly queryId: string
  /** Null: of every user. */
  readonly user: string | null
}

/** Of a verdict about a statement that is not about tables. */
export const NO_TABLE = {
  format: null,
  takesData: false,
  isSelect: false,
  temporary: null,
  assigns: null,
  kills: null,
  filters: [],
}
