import type { TableStore } from '../../store/table-store.ts'
import { beginningOf, dayOf } from './window.ts'

/** Records of the last seconds of a day may not be stored yet. */
export const DELAY_MS = 10 * 60_000

/** The latest D whose results are due at `now`. */
export function latestDue(now: Date): Date {
  return beginningOf(dayOf(new Date(now.getTime() - DELAY_MS))) as Date
}

/** The first day of this installation, ms since the epoch: no results exist for earlier days, not even zeros. */
export async function beginning(store: TableStore): Promise<number | null> {
  const rows = await store.query<{ begun: string | null }>(
    `SELECT toString(toDate(least(
       (SELECT min(applied_at) FROM gatepost.schema_migrations),
       (SELECT if(count() = 0, now64(3), min(received_at)) FROM gatepost.post_auth)), 'UTC')) AS begun`,
  )
  return beginningOf(rows.at(0)?.begun ?? '')?.getTime() ?? null
}
