import type { Batch } from '../../schemas/batch.ts'
import type { RecordSchema } from '../../schemas/avro.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { quoted } from '../sql.ts'
import { recordColumns } from './columns.ts'
import type { Ownership } from '../contract.ts'
import { areNewest } from './ownership.ts'
import { batchRows, tableOf, withBatchIds } from './identity.ts'

/**
 * One insert is one block in one partition of the table, so one part: all or nothing. The sizes are above those of any insert; the engine's
 * defaults are async_insert = 1 and blocks of about a million rows.
 */
export const ONE_PART_SETTINGS = {
  async_insert: 0,
  max_insert_threads: 1,
  max_threads: 1,
  max_insert_block_size: 1_000_000_000,
  min_insert_block_size_rows: 1_000_000_000,
  min_insert_block_size_bytes: 1_000_000_000_000,
} as const

/** The same as a SETTINGS clause. */
export const ONE_PART = Object.entries(ONE_PART_SETTINGS)
  .map(([name, value]) => `${name} = ${value}`)
  .join(', ')

/** `'name Type, ...'`: the structure to request from the engine's Avro reader. */
export function recordStructure(schema: RecordSchema): string {
  return quoted(
    recordColumns(schema)
      .map(({ written, read }) => `${written} ${read}`)
      .join(', '),
  )
}

/**
 * Inserts from `source` (a table function that reads the batches' records) the batches that are not in the table; with ownerships, nothing
 * unless each has the newest epoch. The month is part of the condition because a batch's window may reach into the next month.
 */
export function insertMissing(
  stream: Stream,
  batches: readonly Batch[],
  source: string,
  ownerships: readonly Ownership[] = [],
): string {
  const table = tableOf(stream)
  const known = `batch_id NOT IN (SELECT batch_id FROM ${table} WHERE ${batchRows(batches)})`
  const owned = ownerships.length === 0 ? '' : ` AND ${areNewest(ownerships)}`
  return insertInto(table, batches, source, `${belongs(batches)} AND ${known}${owned}`)
}

/** Inserts everything in `source`. */
export function insertAll(table: string, batches: readonly Batch[], source: string): string {
  return insertInto(table, batches, source, belongs(batches))
}

function insertInto(table: string, batches: readonly Batch[], source: string, where: string): string {
  const columns = recordColumns(batches[0].schema)
  const names = columns.map(({ name }) => name).join(', ')
  const records = columns.map(({ name, expression }) => `${expression} AS ${name}`).join(', ')
  // batch_id is a FixedString where it is read and a UUID where it is compared, hence the inner SELECT.
  return (
    `INSERT INTO ${table} (${names}) SETTINGS ${ONE_PART} ` +
    `${withBatchIds(batches)} SELECT ${names} FROM (SELECT ${records} FROM ${source}) WHERE ${where}`
  )
}

/**
 * Refuses the insert when a record does not belong to its batch: damaged bytes may decode into a record with another identity or time, which
 * no look-up would ever find.
 */
function belongs(batches: readonly Batch[]): string {
  const month = `toYYYYMM(received_at) = ${yearMonth(batches[0].minReceivedAt)}`
  const own = `${batchRows(batches)} AND ${month}`
  return `throwIf(NOT (${own}), 'a record is not one of its batch') = 0`
}

/** 202611, like toYYYYMM. */
function yearMonth(time: number): number {
  const date = new Date(time)
  return date.getUTCFullYear() * 100 + date.getUTCMonth() + 1
}
