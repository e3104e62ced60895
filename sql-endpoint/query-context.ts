import type { ConnectionPool } from './connection-pool.ts'
import type { Overdue } from './connection.ts'
import type { Engine, EngineFacts } from './engine.ts'
import type { Audience } from './guard/catalog.ts'
import type { Verdict } from './guard/verdict.ts'
import type { StatementSummary } from './guard/summary.ts'
import type { Token } from './guard/tokens.ts'
import type { RecentTexts } from './recent-texts.ts'
import type { RunningStatement, RunningStatements } from './running-statements.ts'
import type { SqlLimits } from './options.ts'
import type { SqlSession } from './sessions/sql-session.ts'
import type { Counters } from './stats.ts'

export interface QueryContext {
  readonly engine: Engine
  readonly facts: EngineFacts
  readonly limits: SqlLimits
  readonly counters: Counters
  readonly mayWrite: boolean
  /** The role of the engine that the statement runs under. */
  readonly role: string
  /** Who sent the statement. */
  readonly user: string
  /** The role that the sender has, which it may use to read only. */
  readonly ownRole: string
  /** What that role may do, as statements: few statements ask. */
  readonly grants: () => readonly string[]
  readonly audience: Audience
  /** See GuardContext. */
  readonly mayFilter: boolean
  /** See GuardContext. */
  readonly hidden: ReadonlySet<string> | null
  /** This one. */
  readonly statement: RunningStatement
  /** All of the endpoint. */
  readonly running: RunningStatements
  readonly connections: ConnectionPool
  /** The session of the request, if it has one. */
  readonly session: SqlSession | null
  /** Whether temporary tables may be made and changed. */
  readonly mayChangeTemporary: boolean
  /** Whose queries it may end: null means everybody's, undefined nobody's. */
  readonly mayKill: string | null | undefined
  /** See SqlEndpointOptions. */
  readonly actsAsServer: boolean
  /** Whether the data of VALUES may contain expressions, which the guard does not see. */
  readonly valuesAreExpressions: boolean
  /** What the guard found. It depends on the text and on who sends it, never on tables or rows: EXPLAIN AST and formatQuery only parse. */
  readonly judgements: RecentTexts<Checked>
  /** By shape, see shapeOf(). */
  readonly answers: RecentTexts<LastAnswer>
  /** Called before the statement runs. */
  readonly onStatement: (statement: StatementSummary) => void
  /** What the query returned; filled while it runs. */
  readonly outcome: QueryOutcome
  readonly signal: AbortSignal
  readonly overdue: Overdue
}

/** What is known of a query when it is over, also if it failed. */
export interface QueryOutcome {
  statement: StatementSummary | null
  /** See shapeOf(). */
  shape: string
  /** Of the result, or inserted. */
  rows: number
}

export interface Checked {
  /** The statement in the engine's formatting, and the tokens of that. */
  readonly sql: string
  readonly tokens: readonly Token[]
  /** See shapeOf(). */
  readonly shape: string
  readonly verdict: Verdict
  /** Values that were sent. */
  readonly parameters: ReadonlyMap<string, string>
  /** Names of those that the statement uses. */
  readonly used: ReadonlySet<string>
  /** Shared by all who send a statement of this shape. */
  readonly last: LastAnswer
}

/** What the last answer to a statement was like. */
export interface LastAnswer {
  wasSmall: boolean
}
