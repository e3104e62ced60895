import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { GatepostError } from '../../common/errors.ts'
import { DATABASE, type SqlConnection } from '../sql.ts'
import { batchRows, tableOf, withBatchIds } from './identity.ts'
import { ONE_PART } from './statement.ts'

/** A materialized view on a raw table. */
export interface TableView {
  readonly name: string
  readonly target: string
  readonly columns: readonly string[]
  readonly select: string
}

/** The materialized views on a stream's raw table, as the engine lists them. */
export async function viewsOf(sql: SqlConnection, stream: Stream): Promise<TableView[]> {
  const views = await sql.rows<{ name: string; statement: string; select: string; columns: string[] }>(
    `SELECT t.name AS name, any(create_table_query) AS statement, any(as_select) AS select, ` +
      `arrayMap(c -> c.2, arraySort(groupArray((c.position, c.name)))) AS columns ` +
      `FROM system.tables AS t JOIN system.columns AS c ON c.database = t.database AND c.table = t.name ` +
      `WHERE t.database = '${DATABASE}' AND t.engine = 'MaterializedView' GROUP BY name ORDER BY name`,
  )
  return views
    .filter(({ select }) => sourceOf(stream).test(select))
    .map(({ name, statement, select, columns }) => {
      const target = / TO (\S+) \(/.exec(statement)?.[1]
      if (target === undefined) throw new GatepostError('STORE_MIGRATION', `view ${name} has no table of its own (TO)`)
      return { name, target, columns, select }
    })
}

/** In a cluster, views read the node's own table, under the name of the stream: see server/cluster.ts. */
function sourceOf(stream: Stream): RegExp {
  return new RegExp(`\\bFROM ${tableOf(stream)}(?:_local)?\\b(?: AS ${stream}\\b)?`, 'g')
}

/**
 * Runs the views' SELECTs again over batches that are in the table: it is unknown whether an insert that failed or was cut off had reached
 * the views, and a view that throws leaves the source rows in. The views' tables are designed so that repeating changes nothing.
 */
export async function repeatViews(sql: SqlConnection, stream: Stream, batches: readonly Batch[]): Promise<void> {
  const rows = `FROM (${withBatchIds(batches)} SELECT * FROM ${tableOf(stream)} WHERE ${batchRows(batches)}) AS ${stream}`
  for (const view of await viewsOf(sql, stream)) {
    const select = view.select.replace(sourceOf(stream), () => rows)
    await sql.run(`INSERT INTO ${view.target} (${view.columns.join(', ')}) SETTINGS ${ONE_PART} ${select}`)
  }
}
