import type { Connection } from './connection.ts'
import { SqlError, tooLarge } from './errors.ts'
import { insertFromFile, type DataFile } from './insert.ts'
import type { Verdict } from './guard/verdict.ts'
import type { Output } from './output.ts'
import type { Checked, QueryContext } from './query-context.ts'
import type { SqlRequest } from './request.ts'
import { ProgressWatch } from './progress.ts'
import { summaryHeader } from './summary.ts'
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
  const { rows, readRows, readBytes } = await connection.run(text, 'Null')
  if (verdict.temporary !== null) await context.session?.checkSize(verdict.temporary.table)
  context.outcome.rows = rows
  context.counters.rowsRead += readRows
  output.start(summaryHeader(started, { readRows, readBytes, writtenRows: rows }))
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
  const text = insertFromFile(checked.sql, checked.tokens, data)
  const { rows, readRows, readBytes } = await connection.run(text, 'Null')
  context.outcome.rows = rows
  context.counters.rowsRead += readRows
  output.start(summaryHeader(started, { readRows, readBytes, writtenRows: rows }))
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
    !verdict.isSelect ||
    // The client waits anyway, and only of a result in one piece the engine says all that was read for it.
    request.waitForEnd ||
    // What was small is most likely small again: then it takes one call of the engine instead of three.
    last.wasSmall
  if (inOnePiece) {
    const result = await connection.run(verdict.sql, format.name, maxResultBytes)
    requireNotKilled(verdict, context)
    const { bytes, rows, rowBytes, readRows, readBytes } = result
    last.wasSmall = bytes.byteLength <= SMALL_RESULT
    context.counters.rowsRead += readRows
    context.outcome.rows = rows
    const counts = { readRows, readBytes, totalRows: readRows, resultRows: rows, resultBytes: rowBytes }
    output.start({ ...headers, ...summaryHeader(started, counts) })
    await output.write(joiner.next(bytes))
    await output.end()
    return
  }
  const read = { readRows: 0, readBytes: 0 }
  const returned = { resultRows: 0, resultBytes: 0 }
  let total = 0
  // Waits for the next: without one, the answer begins when all is known of it.
  let first: Buffer | null = null
  // Leaving the loop, also by an error, cancels the query: the engine stops after the current chunk.
  for await (const chunk of connection.stream(verdict.sql, format.name)) {
    if (context.signal.aborted) throw new SqlError('ABORTED', 'The client went away')
    read.readRows += chunk.readRows
    read.readBytes += chunk.readBytes
    returned.resultRows += chunk.rows
    returned.resultBytes += chunk.rowBytes
    context.counters.rowsRead += chunk.readRows
    context.outcome.rows += chunk.rows
    total += chunk.bytes.byteLength
    if (total > maxResultBytes) throw tooLarge(maxResultBytes)
    if (chunk.bytes.byteLength === 0) continue
    const joined = joiner.next(chunk.bytes)
    if (first === null) {
      first = joined
      continue
    }
    if (!output.started) {
      output.start({ ...headers, ...summaryHeader(started, read) })
      await output.write(first)
    }
    await output.write(joined)
  }
  requireNotKilled(verdict, context)
  last.wasSmall = total <= SMALL_RESULT
  if (!output.started) {
    output.start({ ...headers, ...summaryHeader(started, { ...read, totalRows: read.readRows, ...returned }) })
    if (first !== null) await output.write(first)
  }
  await output.end()
}

/** What was killed early in its work ends without an error in this engine, and without rows. */
function requireNotKilled({ kills }: Verdict, { statement }: QueryContext): void {
  if (statement.isKilled && kills === null) throw new SqlError('QUERY_WAS_CANCELLED', 'Query was cancelled')
}

/** Bytes of a result that one call of the engine returns as quickly as a stream does. */
const SMALL_RESULT = 65_536
