import { sqlTime } from '../../common/sql-time.ts'
import { capitalsOf } from '../../common/user-name.ts'
import type { TableStore } from '../../store/table-store.ts'
import { DAY_MS } from '../metrics/window.ts'

/** Names per statement: they are part of its URL. */
const NAMES = 10_000

/**
 * Deletes the last login of names without an account once their raw rows have expired: account_logins has no TTL, since an account's last
 * login is kept as long as the account. So the last login of an account that is imported later goes back only as far as the raw rows.
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
    // By name, not by the query that found them: replicas of a table must all delete the same rows.
    if (names.length > 0) {
      await store.command(
        `DELETE FROM gatepost.account_logins
         WHERE last_login < {oldest:DateTime64(3, 'UTC')} AND name IN {names:Array(String)}`,
        { oldest, names },
      )
    }
  } while (names.length === NAMES && !stopped())
}
