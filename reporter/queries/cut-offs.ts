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
  const places: Place[] = []
  for (const { gw_id, source, sessions, session_id } of await groupsOnline(store, search)) {
    const within = source === 'wifidog' ? await reportsWithin(store, { gw_id, session_id }) : null
    places.push({ gw_id, source, sessions, within })
  }
  return places
}
