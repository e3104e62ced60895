import type { Store } from '../store/contract.ts'

export { insertRows } from '../store/insert-rows.ts'

/** The part of the store that the reporter needs; the running instance's SQL endpoint offers it too. */
export type TableStore = Pick<Store, 'query' | 'command'>
