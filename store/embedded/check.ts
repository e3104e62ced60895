import { messageOf } from '../../common/errors.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { insertAll } from '../exactly-once/statement.ts'
import { isRefusal, type RecordInserter } from '../exactly-once/insert.ts'
import { tableOf } from '../exactly-once/identity.ts'
import type { SqlConnection } from '../sql.ts'

/**
 * Store.check(): a Null table gets the structure and the constraints of the original table, and stores nothing. It is temporary, so only
 * this connection sees it.
 */
export async function check(
  sql: SqlConnection,
  inserter: RecordInserter,
  stream: Stream,
  batches: readonly Batch[],
): Promise<string | null> {
  const table = `check_${stream}`
  await sql.run(`DROP TEMPORARY TABLE IF EXISTS ${table}`)
  await sql.run(`CREATE TEMPORARY TABLE ${table} AS ${tableOf(stream)} ENGINE = Null`)
  try {
    await inserter.insert(batches[0].schema, batches, (source) => insertAll(table, batches, source))
    return null
  } catch (error) {
    if (isRefusal(error)) return messageOf(error)
    throw error
  }
}
