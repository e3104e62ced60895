import type { Store } from './contract.ts'

export { insertRows } from './insert-rows.ts'

/** The part of the store that the reporter needs; the running instance's SQL endpoint offers it too. */
export type TableStore = Pick<Store, 'query' | 'command'>

/** A way to the tables. */
export interface Connection {
  readonly store: TableStore
  close(): Promise<void>
}
