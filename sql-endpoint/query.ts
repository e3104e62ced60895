import { Connection, type Engine, type EngineFacts, type Overdue } from './engine.ts'
import { SqlError } from './errors.ts'
import { outputFormat } from './wire/formats.ts'
import type { Audience } from './guard/catalog.ts'
import { queryOfFilter } from './guard/table-filters.ts'
import { shapeOf } from './guard/shape.ts'
import { judge, type Verdict } from './guard/guard.ts'
import type { StatementSummary } from './guard/summary.ts'
import { insertFromFile, type DataFile } from './insert.ts'
import type { Judgements } from './judgements.ts'
import { Interruption } from './interruption.ts'
import { tagOf } from './query-tag.ts'
import { statisticsIn, summaryHeader } from './summary.ts'
import { Joiner } from './wire/joining.ts'
import type { SqlLimits } from './options.ts'
import type { Output } from './output.ts'
import type { SqlRequest } from './request.ts'
import { INSERT_SETTINGS, limitSettings, settingOfRequest, type SettingsPolicy } from './guard/settings.ts'
import type { Counters } from './stats.ts'
import { substituteIdentifiers } from './guard/identifiers.ts'
import type { Token } from './guard/tokens.ts'

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
  readonly audience: Audience
  /** See GuardContext. */
  readonly mayFilter: boolean
  /** Whose queries it may end: null means everybody's, undefined nobody's. */
  readonly mayKill: string | null | undefined
  /** See SqlEndpointOptions. */
  readonly actsAsServer: boolean
  /** Whether the data of VALUES may contain expressions, which the guard does not see. */
  readonly valuesAreExpressions: boolean
  readonly judgements: Judgements<Checked>
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

export interface Statement {
  readonly sql: string
  /** The data of an INSERT; null if there is none, or if the user may not write anyway. */
  readonly data: DataFile | null
}

/** Runs one statement, from its text to the end of its answer, on a connection of its own. Errors are thrown. */
export async function runQuery(
  statement: Statement,
  request: SqlRequest,
  output: Output,
  context: QueryContext,
): Promise<void> {
  const { limits, facts } = context
  const policy: SettingsPolicy = {
    limits: limitSettings(limits, context.mayWrite ? limits.maxWriteSeconds : limits.maxExecutionSeconds),
    known: (name) => facts.settings.has(name),
    actsAsServer: context.actsAsServer,
  }
  // Before the guard's own queries run, so that a wrong setting is reported first.
  const settings = connectionSettings(statement.sql, request, policy, context.mayWrite)
  const tag = tagOf(context.user, request.queryId)
  // A write goes on without its client, as on a server.
  const interruption = context.mayWrite ? null : new Interruption(context.engine, tag.condition, context.signal)
  try {
    await runTagged({ ...settings, ...tag.setting }, statement, request, output, policy, context)
  } finally {
    await interruption?.stop()
  }
}

async function runTagged(
  settings: Readonly<Record<string, string>>,
  statement: Statement,
  request: SqlRequest,
  output: Output,
  policy: SettingsPolicy,
  context: QueryContext,
): Promise<void> {
  const checked = await checkedOnce(statement.sql, request, policy, context)
  context.onStatement(checked.verdict.summary)
  context.outcome.statement = checked.verdict.summary
  context.outcome.shape = checked.shape
  if (context.signal.aborted && !context.mayWrite) throw new SqlError('ABORTED', 'The client went away')
  const forced = checked.verdict.takesData && !context.valuesAreExpressions ? INSERT_SETTINGS : {}
  const connection = await Connection.open(context.engine, context.role, { ...settings, ...forced }, context.overdue)
  try {
    await connection.setParameters(checked.parameters)
    if (checked.verdict.takesData) await insert(connection, checked, statement.data, output, context)
    else await answer(connection, checked, request, output, context)
  } finally {
    await connection.close()
  }
}

/**
 * The same text from the same kind of sender is checked once. What a parameter of type Identifier names is part of the text for the guard; the
 * values of others are not. MEASURED: see bench/sql.ts.
 */
async function checkedOnce(
  sql: string,
  request: SqlRequest,
  policy: SettingsPolicy,
  context: QueryContext,
): Promise<Checked> {
  if (context.mayWrite || /identifier/i.test(sql)) return check(sql, request, policy, context)
  const { audience, mayKill, mayFilter, actsAsServer } = context
  const key = JSON.stringify([
    audience,
    mayKill === undefined ? [] : [mayKill],
    mayFilter,
    actsAsServer,
    [...policy.limits],
    sql,
  ])
  const known = context.judgements.get(key)
  if (known !== undefined) return { ...known, parameters: request.queryParams }
  const checked = await check(sql, request, policy, context)
  context.judgements.set(key, checked)
  return checked
}

export interface Checked {
  /** The statement in the engine's formatting, and the tokens of that. */
  readonly sql: string
  readonly tokens: readonly Token[]
  /** See shapeOf(). */
  readonly shape: string
  readonly verdict: Verdict
  readonly parameters: ReadonlyMap<string, string>
  /** What its last answer was like: shared by all who send the text. */
  readonly last: { wasSmall: boolean }
}

/** Runs on a connection without the request's settings: none of them may change the answers to the guard's own queries. */
async function check(
  sql: string,
  request: SqlRequest,
  policy: SettingsPolicy,
  context: QueryContext,
): Promise<Checked> {
  const settings = { ...Object.fromEntries(policy.limits), readonly: readonlyLevel(sql) }
  const connection = await Connection.open(context.engine, context.role, settings, context.overdue)
  try {
    const identified = await substituteIdentifiers(connection, sql, request.queryParams)
    await connection.setParameters(identified.remaining)
    const normalised = await connection.normalise(identified.sql)
    const judging = {
      ...context.facts,
      settings: policy,
      mayWrite: context.mayWrite,
      mayKill: context.mayKill,
      mayFilter: context.mayFilter,
      audience: context.audience,
      actsAsServer: context.actsAsServer,
    }
    const printAst = (text: string): Promise<string> => connection.printAst(text)
    const verdict = await judge(normalised.sql, normalised.tokens, printAst, judging)
    for (const filter of verdict.filters) {
      const asQuery = await connection.normalise(queryOfFilter(filter))
      await judge(asQuery.sql, asQuery.tokens, printAst, { ...judging, mayWrite: false, mayFilter: false })
    }
    return {
      ...normalised,
      shape: shapeOf(normalised.tokens),
      verdict,
      parameters: identified.remaining,
      last: { wasSmall: false },
    }
  } finally {
    await connection.close()
  }
}

function connectionSettings(
  sql: string,
  request: SqlRequest,
  policy: SettingsPolicy,
  mayWrite: boolean,
): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const [name, limit] of policy.limits) settings[name] = String(limit)
  for (const [name, value] of request.settings) {
    const allowed = settingOfRequest(name, value, policy)
    if (allowed !== null) settings[name] = allowed
  }
  if (!mayWrite) settings['readonly'] = readonlyLevel(sql)
  return settings
}

/** 1: the engine itself refuses writes and changed settings. 2: it accepts a SETTINGS clause, which the guard has checked. */
function readonlyLevel(sql: string): '1' | '2' {
  return /settings/i.test(sql) ? '2' : '1'
}

async function insert(
  connection: Connection,
  checked: Checked,
  data: DataFile | null,
  output: Output,
  context: QueryContext,
): Promise<void> {
  const started = performance.now()
  if (data === null) throw new SqlError('SYNTAX_ERROR', 'The INSERT has no data')
  const result = await connection.run(insertFromFile(checked.sql, checked.tokens, data), 'Null')
  const rows = result.rowsRead
  context.outcome.rows = rows
  output.start(summaryHeader(started, { readRows: rows, readBytes: result.bytesRead, writtenRows: rows }))
  context.counters.rowsRead += result.rowsRead
  await output.end()
}

async function answer(
  connection: Connection,
  { verdict, last }: Checked,
  request: SqlRequest,
  output: Output,
  context: QueryContext,
): Promise<void> {
  const started = performance.now()
  const format = outputFormat(verdict.format ?? request.defaultFormat)
  const joiner = new Joiner(format.joining, request.nativeRevision)
  const headers = { 'Content-Type': format.contentType, 'X-ClickHouse-Format': format.name }
  const { maxResultBytes } = context.limits
  // What was small is most likely small again: then it takes one call of the engine instead of three.
  const inOnePiece =
    format.joining.kind === 'whole' ||
    !verdict.streams ||
    last.wasSmall ||
    (await isAnalysedSlowly(connection, verdict))
  if (inOnePiece) {
    const result = await connection.run(verdict.sql, format.name)
    const bytes = result.bytes()
    if (bytes.byteLength > maxResultBytes) throw tooLarge(maxResultBytes)
    last.wasSmall = bytes.byteLength <= SMALL_RESULT
    context.counters.rowsRead += result.rowsRead
    context.outcome.rows = result.rowsRead
    const whole = joiner.next(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    // The engine calls the rows of the result "read".
    const returned = { resultRows: result.rowsRead, resultBytes: result.bytesRead }
    output.start({ ...headers, ...summaryHeader(started, { ...returned, ...statisticsIn(whole) }) })
    await output.write(whole)
    await output.end()
    return
  }
  const held: Buffer[] = []
  let total = 0
  const returned = { resultRows: 0, resultBytes: 0 }
  const start = (): void => output.start({ ...headers, ...summaryHeader(started, returned) })
  // Leaving the loop, also by an error, cancels the query: the engine stops after the current chunk.
  for await (const chunk of connection.stream(verdict.sql, format.name)) {
    if (context.signal.aborted) throw new SqlError('ABORTED', 'The client went away')
    const raw = chunk.raw()
    total += raw.byteLength
    context.outcome.rows += chunk.numRows
    if (request.waitForEnd) {
      returned.resultRows += chunk.numRows
      returned.resultBytes += chunk.numBytes
    }
    if (total > maxResultBytes) throw tooLarge(maxResultBytes)
    if (raw.byteLength === 0) continue
    const joined = joiner.next(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength))
    if (request.waitForEnd) held.push(joined)
    else {
      if (!output.started) start()
      await output.write(joined)
    }
  }
  last.wasSmall = total <= SMALL_RESULT
  if (!output.started) start()
  for (const part of held) await output.write(part)
  await output.end()
}

/** Bytes of a result that one call of the engine returns as quickly as a stream does. */
const SMALL_RESULT = 65_536

/** Blocking the event loop for longer delays everything else that this process does. */
const SLOW_ANALYSIS_MS = 50

/**
 * chDB starts a stream on the event loop's thread, and its engine computes constants and scalar subqueries then. So the analysis is tried on
 * another thread first, within the query's limits; if it takes time, the answer is not streamed.
 */
async function isAnalysedSlowly(connection: Connection, verdict: Verdict): Promise<boolean> {
  const started = performance.now()
  await connection.run(`EXPLAIN PLAN ${verdict.sql}`, 'Null')
  return performance.now() - started > SLOW_ANALYSIS_MS
}

function tooLarge(limit: number): SqlError {
  return new SqlError('TOO_MANY_ROWS_OR_BYTES', `Limit for result exceeded, max bytes: ${limit}`)
}
