import { sqlTime } from '../../common/sql-time.ts'
import { capitalsOf } from '../../common/user-name.ts'
import type { TableStore } from '../../store/table-store.ts'
import { DAY_MS } from '../metrics/window.ts'

/** Names that one statement deletes: they stand in its address. */
const NAMES = 10_000

/**
 * Deletes the latest logins of names that have no account, once their raw rows are deleted: account_logins has no TTL, since an
 * account's latest login is kept as long as the account. Whoever is imported later has been here before only as
 * far as the raw rows go back.
 */
export async function deleteStrangers(
  store: TableStore,
  keptDays: number,
  now: Date,
  stopped: () => boolean = () => false,
): Promise<void> {
  const oldest = sqlTime(now.getTime() - keptDays * DAY_MS)
  let names: string[]
  do {
    const rows = await store.query<{ name: string }>(
      `SELECT DISTINCT logins.name AS name FROM gatepost.account_logins AS logins
       WHERE logins.last_login < {oldest:DateTime64(3, 'UTC')}
         AND logins.name NOT IN (SELECT ${capitalsOf('username')} FROM gatepost.accounts)
       LIMIT ${NAMES}`,
      { oldest },
    )
    names = rows.map(({ name }) => name)
    // By name, and not by that question: replicas of a table must all delete the same rows.
    if (names.length > 0) {
      await store.command(
        `DELETE FROM gatepost.account_logins
         WHERE last_login < {oldest:DateTime64(3, 'UTC')} AND name IN {names:Array(String)}`,
        { oldest, names },
      )
    }
  } while (names.length === NAMES && !stopped())
}
