import { GatepostError } from '../../common/errors.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { SqlConnection } from '../sql.ts'
import { batchRows, batchUuid, tableOf, withBatchIds } from './identity.ts'

export interface Presence {
  readonly present: readonly Batch[]
  readonly missing: readonly Batch[]
}

/** The number of rows of each batch in its table; batches without rows are not listed. */
export function lookUpStatement(stream: Stream, batches: readonly Batch[]): string {
  return (
    `${withBatchIds(batches)} SELECT batch_id, count() AS rows FROM ${tableOf(stream)} ` +
    `WHERE ${batchRows(batches)} GROUP BY batch_id`
  )
}

/**
 * Which batches are in their table. A batch with dead-lettered records has that many rows fewer.
 * @param lettersSince since when all dead letters are still there. They may have a shorter retention than the rows: for an older batch,
 *   which was inserted
 *  whole or not at all, missing rows are assumed to have been dead letters
 * @throws GatepostError STORE_INCONSISTENT: a batch is partly in the table
 */
export async function lookUp(
  sql: SqlConnection,
  stream: Stream,
  batches: readonly Batch[],
  lettersSince: number,
): Promise<Presence> {
  const rows = await rowsByBatch(sql, lookUpStatement(stream, batches))
  const present: Batch[] = []
  const missing: Batch[] = []
  const partial: Batch[] = []
  for (const batch of batches) {
    const stored = rows.get(batchUuid(batch)) ?? 0
    if (stored === batch.recordCount) present.push(batch)
    else (stored === 0 ? missing : partial).push(batch)
  }
  if (partial.length > 0) {
    const dead = await deadRecords(sql, stream, partial)
    for (const batch of partial) {
      const uuid = batchUuid(batch)
      const [stored, lettered] = [rows.get(uuid) ?? 0, dead.get(uuid) ?? 0]
      const forgotten = batch.minReceivedAt < lettersSince && stored + lettered < batch.recordCount
      if (stored + lettered !== batch.recordCount && !forgotten) {
        throw new GatepostError(
          'STORE_INCONSISTENT',
          `batch ${uuid} of ${batch.recordCount} records has ${stored} rows in ${stream} and ${lettered} dead letters`,
        )
      }
    }
    present.push(...partial)
  }
  return { present, missing }
}

/** How many records of each batch its dead letters stand for: an undecodable one stands for the rest of its batch too. */
async function deadRecords(
  sql: SqlConnection,
  stream: Stream,
  batches: readonly Batch[],
): Promise<Map<string, number>> {
  const letters = await sql.rows<{ batch_id: string; refused: string; undecodable: string; from: string }>(
    `${withBatchIds(batches)} SELECT batch_id, countIf(reason != 'undecodable') AS refused, countIf(reason = 'undecodable') AS undecodable, ` +
      `minIf(batch_index, reason = 'undecodable') AS from FROM ${tableOf('dead_letters')} ` +
      `WHERE source = '${stream}' AND ${batchRows(batches)} GROUP BY batch_id`,
  )
  const counts = new Map(batches.map((batch) => [batchUuid(batch), batch.recordCount]))
  return new Map(
    letters.map(({ batch_id, refused, undecodable, from }) => {
      const rest = Number(undecodable) === 0 ? 0 : (counts.get(batch_id) ?? 0) - Number(from)
      // A dead letter about a dead letter is itself a row of its batch.
      const rows = stream === 'dead_letters' ? Number(refused) + Number(undecodable) : 0
      return [batch_id, Number(refused) + rest - rows]
    }),
  )
}

async function rowsByBatch(sql: SqlConnection, statement: string): Promise<Map<string, number>> {
  const rows = await sql.rows<{ batch_id: string; rows: string }>(statement)
  return new Map(rows.map((row) => [row.batch_id, Number(row.rows)]))
}
