import type { Connection } from './connection.ts'
import { SqlError } from './errors.ts'
import { insertFromFile, type DataFile } from './insert.ts'
import type { Verdict } from './guard/verdict.ts'
import type { Output } from './output.ts'
import type { Checked, QueryContext } from './query-context.ts'
import type { SqlRequest } from './request.ts'
import { ProgressWatch } from './progress.ts'
import { ReadCounts } from './read-counts.ts'
import { statisticsIn, summaryHeader } from './summary.ts'
import { outputFormat } from './wire/formats.ts'
import { Joiner } from './wire/joining.ts'

/** Makes, fills or removes a temporary table of the session. */
export async function changeTemporary(
  connection: Connection,
  { sql, tokens, verdict }: Checked,
  data: DataFile | null,
  output: Output,
  context: QueryContext,
): Promise<void> {
  const started = performance.now()
  if (verdict.takesData && data === null) throw new SqlError('SYNTAX_ERROR', 'The INSERT has no data')
  const text = verdict.takesData && data !== null ? insertFromFile(sql, tokens, data) : verdict.sql
  const { rowsRead } = await connection.run(text, 'Null')
  if (verdict.temporary !== null) await context.session?.checkSize(verdict.temporary.table)
  context.outcome.rows = rowsRead
  context.counters.rowsRead += rowsRead
  output.start(summaryHeader(started, { readRows: rowsRead, writtenRows: rowsRead }))
  await output.end()
}

export async function insert(
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

export async function answer(
  connection: Connection,
  checked: Checked,
  request: SqlRequest,
  output: Output,
  context: QueryContext,
): Promise<void> {
  const { progressMs } = request
  if (progressMs === null) return answerWith(connection, checked, request, output, context)
  const watch = new ProgressWatch(context.engine, context.statement.condition, progressMs)
  output.headersAtStart = () => ({ 'X-ClickHouse-Progress': watch.headers })
  try {
    await answerWith(connection, checked, request, output, context)
  } finally {
    await watch.stop()
  }
}

async function answerWith(
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
  requireNotKilled(verdict, context)
  const inOnePiece =
    format.joining.kind === 'whole' ||
    !verdict.streams ||
    // What was small is most likely small again: then it takes one call of the engine instead of three.
    (last.wasSmall && !request.waitForEnd) ||
    (await analysisMs(connection, verdict)) > context.limits.slowAnalysisMs
  if (inOnePiece) {
    const result = await connection.run(verdict.sql, format.name)
    requireNotKilled(verdict, context)
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
  const read = new ReadCounts(context.engine, context.statement.condition)
  const start = (): void => output.start({ ...headers, ...summaryHeader(started, { ...returned, ...read.counts }) })
  // Leaving the loop, also by an error, cancels the query: the engine stops after the current chunk.
  for await (const chunk of connection.stream(verdict.sql, format.name)) {
    if (context.signal.aborted) throw new SqlError('ABORTED', 'The client went away')
    const raw = chunk.raw()
    total += raw.byteLength
    context.outcome.rows += chunk.numRows
    if (request.waitForEnd) {
      returned.resultRows += chunk.numRows
      returned.resultBytes += chunk.numBytes
      await read.look()
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
  requireNotKilled(verdict, context)
  last.wasSmall = total <= SMALL_RESULT
  if (!output.started) start()
  for (const part of held) await output.write(part)
  await output.end()
}

/** What was killed early in its work ends without an error in this engine, and without rows. */
function requireNotKilled({ kills }: Verdict, { statement }: QueryContext): void {
  if (statement.isKilled && kills === null) throw new SqlError('QUERY_WAS_CANCELLED', 'Query was cancelled')
}

/** Bytes of a result that one call of the engine returns as quickly as a stream does. */
const SMALL_RESULT = 65_536

/**
 * chDB starts a stream on the event loop's thread, and its engine computes constants and scalar subqueries then. So the analysis is tried on
 * another thread first, within the query's limits; if it takes long, the answer is not streamed: that would delay everything else that this
 * process does.
 */
async function analysisMs(connection: Connection, verdict: Verdict): Promise<number> {
  const started = performance.now()
  await connection.run(`EXPLAIN PLAN ${verdict.sql}`, 'Null')
  return performance.now() - started
}

function tooLarge(limit: number): SqlError {
  return new SqlError('TOO_MANY_ROWS_OR_BYTES', `Limit for result exceeded, max bytes: ${limit}`)
}
