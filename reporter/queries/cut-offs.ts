import type { TableStore } from '../../store/table-store.ts'
import { reportsWithin } from './gateways.ts'
import { groupsOnline, type SessionSearch } from './sessions.ts'

/** Where sessions are online that are cut off. */
export interface Place {
  /** The gateway, or the NAS. */
  readonly gw_id: string
  /** `wifidog` or `radius`. */
  readonly source: string
  readonly sessions: number
  /** The time in which the next reports come, seconds; null: a NAS, or a gateway that has sent no counters for a day. */
  readonly within: number | null
}

/** Where the sessions are online, those with most sessions first, at most 100 places. */
export async function placesOnline(
  store: TableStore,
  search: Pick<SessionSearch, 'id' | 'mac' | 'account' | 'gateway'>,
): Promise<Place[]> {
  const groups = await groupsOnline(store, search)
  const within = await reportsWithin(store, groups)
  return groups.map(({ gw_id, source, sessions }, index) => {
    return { gw_id, source, sessions, within: source === 'wifidog' ? within[index] : null }
  })
}
