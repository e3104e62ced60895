import type { Batch } from '../../schemas/batch.ts'
import type { Topic } from '../../schemas/streams/index.ts'
import { DATABASE } from '../sql.ts'

/** A batch's identity as the tables show it. */
export function batchUuid(batch: Batch): string {
  const hex = batch.batchId.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export function tableOf(topic: Topic): string {
  return `${DATABASE}.${topic}`
}

/**
 * `WITH ...`: names the batches' ids for amongBatches() in the rest of the statement. One literal that the engine takes
 * apart. MEASURED: as a list of literals an insert of 80,000 small batches took 4.2 s, this way 1.8 s. They stand in a
 * statement once, and between dots, because a server gets an insert's statement in a URL, which is bounded and would make
 * three characters of a comma.
 */
export function withBatchIds(batches: readonly Batch[]): string {
  return `WITH '${batches.map(batchUuid).join('.')}' AS batch_ids`
}

/** `batch_id IN (...)`: of a statement that has withBatchIds(). */
const AMONG_BATCHES = "batch_id IN (SELECT toUUID(arrayJoin(splitByChar('.', batch_ids))))"

/** `received_at BETWEEN ...`: the time in which all of the batches lie. It is what keeps a look-up small. */
export function batchWindow(batches: readonly Batch[]): string {
  let from = Infinity
  let to = -Infinity
  for (const batch of batches) {
    from = Math.min(from, batch.minReceivedAt)
    to = Math.max(to, batch.maxReceivedAt)
  }
  return `received_at BETWEEN ${milliseconds(from)} AND ${milliseconds(to)}`
}

function milliseconds(time: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${time}), 'UTC')`
}

/**
 * The rows of these batches, and no others, of a raw table; bounded by the batches' window. For a statement, or a SELECT in
 * it, that has withBatchIds().
 */
export function batchRows(batches: readonly Batch[]): string {
  return `${batchWindow(batches)} AND ${AMONG_BATCHES}`
}
