import { availableParallelism } from 'node:os'
import { Connection, type Preparation } from './connection.ts'
import { SqlError } from './errors.ts'
import { filterSetting, queryOfFilter, TABLE_FILTERS, type TableFilter } from './guard/table-filters.ts'
import { shapeOf } from './guard/shape.ts'
import { parseAst } from './guard/ast.ts'
import { GRANTS_PARAMETER, ROLES_PARAMETER, USER_PARAMETER } from './guard/own-identity.ts'
import { literal } from './guard/tokens.ts'
import { judge } from './guard/guard.ts'
import { requireColumnsOnly } from './guard/temporary-tables.ts'
import { ExternalTables } from './external/loading.ts'
import type { ExternalTable } from './external/external-tables.ts'
import type { DataFile } from './insert.ts'
import { answer, changeTemporary, insert } from './answer.ts'
import { summaryHeader } from './summary.ts'
import type { Assignments } from './guard/set.ts'
import { Interruption } from './interruption.ts'
import { RUNNING_PARAMETER, tagSetting, type RunningStatement } from './running-statements.ts'
import type { Output } from './output.ts'
import type { Checked, LastAnswer, QueryContext } from './query-context.ts'
import type { SqlRequest } from './request.ts'
import { INSERT_SETTINGS, limitSettings, settingOfRequest, type SettingsPolicy } from './guard/settings.ts'
import { parametersIn, requireParameters, substituteIdentifiers } from './guard/identifiers.ts'

export interface Statement {
  readonly sql: string
  /** The data of an INSERT; null if there is none, or if the user may not write anyway. */
  readonly data: DataFile | null
  /** Sent with it, for it only. */
  readonly tables: readonly ExternalTable[]
}

/**
 * A result is formatted by the thread that computes it, not by threads that are started for it. MEASURED: a small query takes 0.8 of the time and
 * of the CPU; 500,000 rows would take 1.1 to 1.4 of it.
 */
const ON_ONE_THREAD = { output_format_parallel_formatting: '0' }

/** Runs one statement, from its text to the end of its answer, on a connection of its own or of its session. Errors are thrown. */
export async function runQuery(
  statement: Statement,
  sent: SqlRequest,
  output: Output,
  asked: Omit<QueryContext, 'statement'>,
): Promise<void> {
  const { limits, facts, session } = asked
  const request = session === null ? sent : session.applyTo(sent)
  const policy: SettingsPolicy = {
    limits: limitSettings(limits, asked.mayWrite ? limits.maxWriteSeconds : limits.maxExecutionSeconds),
    known: (name) => facts.settings.has(name),
    actsAsServer: asked.actsAsServer,
  }
  // Before the guard's own queries run, so that a wrong setting is reported first.
  const settings = connectionSettings(statement.sql, request, policy, asked)
  const running = asked.running.begin(asked.user, request.queryId)
  const context: QueryContext = { ...asked, statement: running }
  // A write goes on without its client, as on a server.
  const interruption = context.mayWrite ? null : new Interruption(context.engine, running, context.signal)
  try {
    await runTagged(settings, statement, request, output, policy, context, interruption)
  } finally {
    await interruption?.stop()
    asked.running.end(running)
  }
}

async function runTagged(
  settings: Readonly<Record<string, string>>,
  statement: Statement,
  request: SqlRequest,
  output: Output,
  policy: SettingsPolicy,
  context: QueryContext,
  interruption: Interruption | null,
): Promise<void> {
  const { engine, role, session, overdue, connections, statement: running } = context
  const judged = await checkedOnce(statement.sql, request, policy, context)
  const checked = withTarget(judged, context)
  const { verdict } = checked
  const filtering = await filtersOfRequest(request, policy, context)
  context.onStatement(verdict.summary)
  context.outcome.statement = verdict.summary
  context.outcome.shape = checked.shape
  if (context.signal.aborted && !context.mayWrite) throw new SqlError('ABORTED', 'The client went away')
  if (verdict.assigns !== null) return assign(verdict.assigns, settings, output, context)
  const { tables } = statement
  await checkDefinitions(tables, policy, context)
  const takesData = tables.length > 0 || verdict.takesData
  const forced = takesData && !context.valuesAreExpressions ? INSERT_SETTINGS : {}
  // Under readonly = 1 there are no temporary tables.
  const readonly = tables.length > 0 && !context.mayWrite ? { readonly: '2' } : {}
  const preparation = {
    role,
    temporaryTables: tables.length > 0,
    settings: { ...(checked.last.wasSmall ? ON_ONE_THREAD : {}), ...settings, ...filtering, ...forced, ...readonly },
  }
  const inSession = session !== null && (verdict.temporary !== null || session.tables.size > 0)
  if (verdict.temporary?.makes === true) session?.requireRoomForTable()
  const connection = inSession
    ? await session.prepare(engine, tagged(preparation, running), Object.fromEntries(policy.limits), overdue)
    : await connections.take(context.user, preparation, overdue)
  if (!inSession) running.tag = connection.tag
  const external = new ExternalTables(connection, context.limits.maxSessionTableBytes)
  let isWhole = false
  try {
    if (inSession || !context.mayWrite) requireParameters(checked.used, checked.parameters)
    for (const table of tables) await external.make(table)
    connection.setParameters(parametersOf(checked, context))
    if (verdict.temporary !== null) await changeTemporary(connection, checked, statement.data, output, context)
    else if (verdict.takesData) await insert(connection, checked, statement.data, output, context)
    else await answer(connection, checked, request, output, context)
    isWhole = true
  } finally {
    if (inSession) await external.drop()
    else {
      // What is told to end from now on must not be the next statement of the connection.
      context.running.end(running)
      await interruption?.stop()
      // A SELECT without SETTINGS changes no connection, and with them it has one of its own.
      const hasEnded = isWhole && !context.signal.aborted && !running.isKilled
      await connections.giveBack(connection, !hasEnded ? 'unusable' : verdict.isSelect ? 'unchanged' : 'usable')
    }
  }
}

/** What a KILL QUERY means to the engine, which does not know the ids that clients give. */
function withTarget(checked: Checked, { running }: QueryContext): Checked {
  const { verdict } = checked
  if (verdict.kills === null) return checked
  return { ...checked, verdict: { ...verdict, sql: `KILL QUERY WHERE ${running.killed(verdict.kills)} ASYNC` } }
}

/** PRECONDITION: it has its connection, since it may look at itself. */
function parametersOf({ verdict, parameters, used }: Checked, context: QueryContext): ReadonlyMap<string, string> {
  const { running, audience, user } = context
  const own: [string, () => string][] = [
    [RUNNING_PARAMETER, () => running.described(audience === 'admin' || audience === 'store' ? null : user)],
    [USER_PARAMETER, () => user],
    [ROLES_PARAMETER, () => `[${literal(context.ownRole)}]`],
    [GRANTS_PARAMETER, () => `[${context.grants().map(literal).join(', ')}]`],
  ]
  // A connection keeps what it was given. The data of an INSERT may use them too, where they may be expressions.
  return new Map([
    ...[...parameters].filter(([name]) => used.has(name) || verdict.takesData),
    ...own.filter(([name]) => verdict.sql.includes(name)).map(([name, value]) => [name, value()] as const),
  ])
}

function tagged(preparation: Preparation, { tag }: RunningStatement): Preparation {
  return { ...preparation, settings: { ...preparation.settings, ...tagSetting(tag) } }
}

/** @throws SqlError ACCESS_DENIED: one of them is more than a name and columns */
async function checkDefinitions(
  tables: readonly ExternalTable[],
  policy: SettingsPolicy,
  context: QueryContext,
): Promise<void> {
  if (tables.length === 0) return
  const settings = { ...Object.fromEntries(policy.limits), readonly: '1' }
  const connection = await Connection.open(context.engine, { role: context.role, settings }, context.overdue)
  try {
    const printAst = (text: string): Promise<string> => connection.printAst(text)
    for (const { definition } of tables) {
      const { sql, tokens } = await connection.normalise(definition)
      await judge(sql, tokens, printAst, judgingOf({ ...context, mayWrite: false }, policy, new Set()))
      requireColumnsOnly(parseAst(await printAst(sql)))
    }
  } finally {
    await connection.close()
  }
}

/** SET: the engine has to take the values. Without a session they are forgotten, as on a server. */
async function assign(
  assigns: Assignments,
  settings: Readonly<Record<string, string>>,
  output: Output,
  { engine, role, session, overdue }: QueryContext,
): Promise<void> {
  const started = performance.now()
  const given = [...assigns.settings].flatMap(([name, value]) => (value === null ? [] : [[name, value]]))
  const wanted = { ...settings, ...(Object.fromEntries(given) as Record<string, string>) }
  const connection = await Connection.open(engine, { role, settings: wanted }, overdue)
  await connection.close()
  session?.assign(assigns)
  output.start(summaryHeader(started, {}))
  await output.end()
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
  if (context.mayWrite || context.mayChangeTemporary || /identifier/i.test(sql))
    return check(sql, request, policy, context)
  const { audience, mayKill, mayFilter, hidden, actsAsServer } = context
  const key = JSON.stringify([
    audience,
    hidden === null ? null : [...hidden],
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

/** Runs on a connection without the request's settings: none of them may change the answers to the guard's own queries. */
async function check(
  sql: string,
  request: SqlRequest,
  policy: SettingsPolicy,
  context: QueryContext,
): Promise<Checked> {
  const { connections, role, user, overdue } = context
  const settings = { ...ON_ONE_THREAD, ...ownSettings(policy), readonly: readonlyLevel(sql) }
  const connection = await connections.take(user, { role, settings }, overdue)
  let isWhole = false
  try {
    const identified = await substituteIdentifiers(connection, sql, request.queryParams)
    connection.setParameters(identified.remaining)
    const normalised = await connection.normalise(identified.sql)
    const own = context.mayChangeTemporary ? (context.session?.tables ?? null) : null
    const judging = judgingOf(context, policy, own)
    const printAst = (text: string): Promise<string> => connection.printAst(text)
    const verdict = await judge(normalised.sql, normalised.tokens, printAst, judging)
    await judgeFilters(verdict.filters, connection, judging)
    isWhole = true
    const shape = shapeOf(normalised.tokens)
    return {
      ...normalised,
      shape,
      verdict,
      parameters: identified.remaining,
      used: parametersIn(normalised.tokens),
      last: lastAnswer(shape, context),
    }
  } finally {
    // Its own SELECTs, and EXPLAIN AST of one statement, which executes nothing.
    await connections.giveBack(connection, isWhole ? 'unchanged' : 'unusable')
  }
}

function lastAnswer(shape: string, { answers }: QueryContext): LastAnswer {
  const known = answers.get(shape)
  if (known !== undefined) return known
  const last = { wasSmall: false }
  // Statements without a shape are too long for one.
  if (shape !== '') answers.set(shape, last)
  return last
}

function judgingOf(context: QueryContext, settings: SettingsPolicy, temporaryTables: ReadonlySet<string> | null) {
  const { facts, mayWrite, mayKill, mayFilter, hidden, audience, actsAsServer } = context
  return { ...facts, settings, mayWrite, mayKill, mayFilter, hidden, audience, actsAsServer, temporaryTables }
}

/** Conditions that the request's parameter adds to its tables: judged as in a SETTINGS clause, and sent on as they were judged. */
async function filtersOfRequest(
  request: SqlRequest,
  policy: SettingsPolicy,
  context: QueryContext,
): Promise<Record<string, string>> {
  const value = request.settings.get(TABLE_FILTERS)
  if (value === undefined || !context.mayFilter) return {}
  const settings = { ...Object.fromEntries(policy.limits), readonly: '2' }
  const connection = await Connection.open(context.engine, { role: context.role, settings }, context.overdue)
  try {
    const asClause = await connection.normalise(`SELECT 1 SETTINGS ${TABLE_FILTERS} = ${value}\n`)
    const printAst = (text: string): Promise<string> => connection.printAst(text)
    const judging = judgingOf({ ...context, mayWrite: false }, policy, null)
    const { filters } = await judge(asClause.sql, asClause.tokens, printAst, judging)
    await judgeFilters(filters, connection, judging)
    return { [TABLE_FILTERS]: filterSetting(filters) }
  } finally {
    await connection.close()
  }
}

async function judgeFilters(
  filters: readonly TableFilter[],
  connection: Connection,
  judging: ReturnType<typeof judgingOf>,
): Promise<void> {
  for (const filter of filters) {
    const asQuery = await connection.normalise(queryOfFilter(filter))
    const printAst = (text: string): Promise<string> => connection.printAst(text)
    const { sql } = await judge(asQuery.sql, asQuery.tokens, printAst, {
      ...judging,
      mayWrite: false,
      mayFilter: false,
    })
    // The engine gets the condition as it is: without the restricted versions of tables, and without the user's own name.
    if (sql !== asQuery.sql) {
      throw new SqlError('ACCESS_DENIED', `A condition on ${filter.table} is not available in ${TABLE_FILTERS}`)
    }
  }
}

function ownSettings({ limits }: SettingsPolicy): Record<string, string> {
  return Object.fromEntries([...limits].map(([name, limit]) => [name, String(limit)]))
}

function connectionSettings(
  sql: string,
  request: SqlRequest,
  policy: SettingsPolicy,
  { mayWrite, mayFilter, hidden, running }: Pick<QueryContext, 'mayWrite' | 'mayFilter' | 'hidden' | 'running'>,
): Record<string, string> {
  // length(c) would become c.size, to which a user who sees some columns has no right, and one to whom some are hidden has.
  const ofReaders = hidden === null ? {} : { optimize_functions_to_subcolumns: '0' }
  const settings: Record<string, string> = { ...ownSettings(policy), ...ofReaders }
  for (const [name, value] of request.settings) {
    // See filtersOfRequest().
    if (name === TABLE_FILTERS && mayFilter) continue
    const allowed = settingOfRequest(name, value, policy)
    if (allowed !== null) settings[name] = allowed
  }
  if (mayWrite) return settings
  settings['readonly'] = readonlyLevel(sql)
  // Alone, a reader has the engine's default, all cores. Four with all cores each would leave inserts a small part of the machine.
  if (running.count > 0) {
    const share = Math.max(1, Math.floor(availableParallelism() / (running.count + 1)))
    settings['max_threads'] = String(Math.min(share, Number(settings['max_threads'] ?? share)))
  }
  return settings
}

/** 1: the engine itself refuses writes and changed settings. 2: it accepts a SETTINGS clause, which the guard has checked. */
function readonlyLevel(sql: string): '1' | '2' {
  return /settings/i.test(sql) ? '2' : '1'
}
