import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { RecordSchema } from '../../schemas/avro.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Ownership, InsertOutcome } from '../contract.ts'
import { engineCode, type SqlConnection } from '../sql.ts'
import { holds } from './ownership.ts'
import { lookUp } from './presence.ts'
import { insertMissing } from './statement.ts'
import { repeatViews } from './views.ts'

/** Passes the records of batches to an engine. */
export interface RecordInserter {
  /**
   * Runs `statement(source)`, where `source` is a table function that reads the batches' records, all of this schema. Returns, or throws the
   * engine's error, only after the engine has ended the attempt.
   * @throws GatepostError STORE_UNAVAILABLE: the outcome is unknown, and the attempt may still be running
   */
  insert(schema: RecordSchema, batches: readonly Batch[], statement: (source: string) => string): Promise<void>
  /** Maximum number of batches that one statement may name. */
  readonly maxBatches: number
}

/**
 * Codes (system.errors) with which the engine refuses the rows themselves. Any other error may be temporary: a code is added only after it
 * has been seen for bad rows.
 */
const REFUSALS = new Set([
  '117', // INCORRECT_DATA
  '395', // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO: the guard found a record that does not belong to its batch
  '469', // VIOLATED_CONSTRAINT
  '748', // AVRO_EXCEPTION
])

export function isRefusal(error: unknown): boolean {
  const code = engineCode(error)
  return code !== null && REFUSALS.has(code)
}

/**
 * Store.insertOnce() for the only current writer of these batches: looks them up, inserts the missing ones with a statement that looks up
 * again, then looks up the result. With ownerships, the process that holds them all is that only writer.
 * @param lettersSince see lookUp()
 */
export async function insertOnce(
  sql: SqlConnection,
  inserter: RecordInserter,
  stream: Stream,
  batches: readonly Batch[],
  lettersSince: number,
  ownerships: readonly Ownership[] = [],
): Promise<InsertOutcome> {
  const attempt: Attempt = { sql, inserter, stream, lettersSince, ownerships }
  let rows = 0
  let alreadyPresent = 0
  try {
    for (let from = 0; from < batches.length; from += inserter.maxBatches) {
      const outcome = await procedure(attempt, batches.slice(from, from + inserter.maxBatches))
      rows += outcome.rows
      alreadyPresent += outcome.alreadyPresent
    }
    return { rows, alreadyPresent }
  } catch (error) {
    if (error instanceof GatepostError) throw error
    // Not caused by the rows: a look-up or a view's SELECT failed.
    throw new GatepostError('STORE_UNAVAILABLE', `insert into ${stream}: ${messageOf(error)}`, error)
  }
}

interface Attempt {
  readonly sql: SqlConnection
  readonly inserter: RecordInserter
  readonly stream: Stream
  readonly lettersSince: number
  readonly ownerships: readonly Ownership[]
}

async function procedure(attempt: Attempt, batches: readonly Batch[]): Promise<InsertOutcome> {
  const { sql, stream, lettersSince } = attempt
  const before = await lookUp(sql, stream, batches, lettersSince)
  // An earlier attempt may have been cut off after the rows and before the views.
  if (before.present.length > 0) await repeatViews(sql, stream, before.present)
  if (before.missing.length > 0) await insertNew(attempt, before.missing)
  return {
    rows: before.missing.reduce((sum, batch) => sum + batch.recordCount, 0),
    alreadyPresent: before.present.length,
  }
}

async function insertNew(attempt: Attempt, batches: readonly Batch[]): Promise<void> {
  const { sql, inserter, stream, lettersSince, ownerships } = attempt
  let failure: unknown = null
  try {
    await inserter.insert(batches[0].schema, batches, (source) => insertMissing(stream, batches, source, ownerships))
  } catch (error) {
    // It may still be running, so the result of a look-up could change afterwards.
    if (error instanceof GatepostError) throw error
    failure = error
  }
  const { present, missing } = await lookUp(sql, stream, batches, lettersSince)
  if (missing.length > 0 && ownerships.length > 0 && !(await holds(sql, ownerships))) throw fenced(stream, failure)
  if (missing.length === batches.length && failure !== null) throw refused(stream, failure)
  if (missing.length > 0) {
    throw new GatepostError(
      'STORE_INCONSISTENT',
      `an insert of ${batches.length} batches into ${stream} left ${missing.length} out`,
      failure ?? undefined,
    )
  }
  if (failure !== null) await repeatViews(sql, stream, present)
}

function fenced(stream: Stream, failure: unknown): GatepostError {
  const message = `insert into ${stream}: another owner has taken ownership of a part of the log that the batches come from`
  return new GatepostError('STORE_FENCED', message, failure ?? undefined)
}

/** None of the rows was written: because of the rows, or for another reason. */
function refused(stream: Stream, error: unknown): GatepostError {
  const code = isRefusal(error) ? 'STORE_REFUSED' : 'STORE_UNAVAILABLE'
  return new GatepostError(code, `insert into ${stream}: ${messageOf(error)}`, error)
}
