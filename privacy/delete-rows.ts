import type { QueryParams, Store } from '../store/contract.ts'

type Tables = Pick<Store, 'query' | 'command'>

/** Rows by table. */
export type RowCounts = Record<string, number>

/** Rows of a table, and what they are updated with; without `set` they are deleted. */
export interface Rows {
  readonly table: string
  readonly where: string
  readonly set?: string | null
}

/** Deletes or updates rows; with `dryRun` only counts them. @returns the rows found */
export async function deleteRows(store: Tables, rows: Rows, params: QueryParams, dryRun: boolean): Promise<number> {
  const count = await countRows(store, rows, params)
  if (count > 0 && !dryRun) await empty(store, rows, params)
  return count
}

async function countRows(store: Tables, { table, where }: Rows, params: QueryParams): Promise<number> {
  const sql = `SELECT toUInt32(count()) AS n FROM gatepost.${table} WHERE ${where}`
  const [{ n }] = await store.query<{ n: number }>(sql, used(sql, params))
  return Number(n)
}

/** A mutation, not a lightweight delete: the bytes must leave the disk. */
function empty(store: Tables, { table, where, set }: Rows, params: QueryParams): Promise<void> {
  const change = set === null || set === undefined ? 'DELETE' : `UPDATE ${set}`
  const sql = `ALTER TABLE gatepost.${table} ${change} WHERE ${where} SETTINGS mutations_sync = 2`
  return store.command(sql, used(sql, params))
}

/** The parameters that occur in a statement. */
function used(sql: string, params: QueryParams): QueryParams {
  return Object.fromEntries(Object.entries(params).filter(([name]) => sql.includes(`{${name}:`)))
}
