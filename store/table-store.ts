import type { Store } from './contract.ts'

export { insertRows } from './insert-rows.ts'

/** The part of the store that the reporter needs; the running instance's SQL endpoint offers it too. */
export type TableStore = Pick<Store, 'query' | 'command'>

/** The same, opened for somebody who closes it. */
export type OpenTables = Pick<Store, 'query' | 'command' | 'close'>
