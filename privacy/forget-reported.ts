import type { Store } from '../store/contract.ts'
import { deleteRows, type RowCounts } from './delete-rows.ts'
import { pseudonymsOf } from './traces.ts'
import type { PseudonymKey } from './pseudonym.ts'

/** Names that are processed together, in one statement. */
const NAMES = 500

/** What login_calendar and login_history are about, and the column of post_auth that it comes from. */
const SUBJECTS = [
  { column: 'username', kinds: `kind IN ('site', 'mac')` },
  { column: 'cert_serial', kinds: `kind = 'certificate'` },
] as const

/**
 * Removes the days of users and certificates that no other row of post_auth knows than those that this writer sent up to `at`. Of a user whom
 * others report too, days that only this writer reported stay: the calendar does not say who reported a day.
 * PRECONDITION: the writer's rows of post_auth are still there.
 */
export async function forgetReported(
  store: Pick<Store, 'query' | 'command'>,
  writer: string,
  {
    at,
    pseudonyms,
    dryRun,
  }: { readonly at: number; readonly pseudonyms: PseudonymKey | null; readonly dryRun: boolean },
): Promise<RowCounts> {
  const found: RowCounts = { login_calendar: 0, login_history: 0 }
  for (const { column, kinds } of SUBJECTS) {
    for (let after = ''; ;) {
      const rows = await store.query<{ name: string }>(
        `SELECT p.${column} AS name FROM gatepost.post_auth AS p WHERE p.${column} > {after:String}
          GROUP BY name
          HAVING countIf(p.source != {writer:String} OR p.received_at > fromUnixTimestamp64Milli({at:Int64})) = 0
          ORDER BY name LIMIT ${NAMES}`,
        { after, writer, at },
      )
      if (rows.length === 0) break
      const names = rows.map(({ name }) => name)
      after = names[names.length - 1]
      const where = `${kinds} AND subject IN {names:Array(String)}`
      found['login_calendar'] += await deleteRows(store, { table: 'login_calendar', where }, { names }, dryRun)
      const hidden = await pseudonymsOf(store, names, pseudonyms)
      if (hidden.length > 0)
        found['login_history'] += await deleteRows(store, { table: 'login_history', where }, { names: hidden }, dryRun)
    }
  }
  return found
}
