import { sqlTime } from '../../common/sql-time.ts'
import type { TableStore } from '../table-store.ts'
import { DAY_MS } from '../window.ts'

/**
 * Deletes the latest logins of names that have no account, once their raw rows are deleted: account_logins has no TTL, since an
 * account's latest login is kept as long as the account. Whoever is imported later has been here before only as
 * far as the raw rows go back.
 */
export async function deleteStrangers(store: TableStore, keptDays: number, now: Date): Promise<void> {
  await store.command(
    `DELETE FROM gatepost.account_logins
     WHERE last_login < {oldest:DateTime64(3, 'UTC')}
       AND name NOT IN (SELECT upperUTF8(username) FROM gatepost.accounts)`,
    { oldest: sqlTime(now.getTime() - keptDays * DAY_MS) },
  )
}
