import { messageOf } from '../../common/errors.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { isRefusal, type RecordInserter } from '../exactly-once/insert.ts'
import { insertAll } from '../exactly-once/statement.ts'
import { tableOf } from '../exactly-once/identity.ts'
import { DATABASE, type SqlConnection } from '../sql.ts'

/**
 * Store.check(): a Null table has the structure and the constraints of the original table, and stores nothing. There is one per stream,
 * created again each time and never dropped: a temporary table would need a session over HTTP, which a load balancer breaks, and dropping it
 * would disturb concurrent checks.
 */
export async function check(
  sql: SqlConnection,
  inserter: RecordInserter,
  stream: Stream,
  batches: readonly Batch[],
): Promise<string | null> {
  const table = `${DATABASE}.check_${stream}`
  const comment = `Keeps nothing: takes what may not fit into ${stream}, to see whether it does`
  await sql.run(`CREATE OR REPLACE TABLE ${table} AS ${tableOf(stream)} ENGINE = Null COMMENT '${comment}'`)
  try {
    for (let from = 0; from < batches.length; from += inserter.maxBatches) {
      const some = batches.slice(from, from + inserter.maxBatches)
      await inserter.insert(some[0].schema, some, (source) => insertAll(table, some, source))
    }
    return null
  } catch (error) {
    if (isRefusal(error)) return messageOf(error)
    throw error
  }
}
