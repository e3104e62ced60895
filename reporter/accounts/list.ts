import { capitalsOf } from '../../common/user-name.ts'
import type { TableStore } from '../../store/table-store.ts'

/** One row of the view `account_status`. */
export interface AccountStatus {
  readonly username: string
  readonly contact: string | null
  readonly sponsor: string | null
  /** 2024-02-29 12:00:00.000, UTC, as the next. */
  readonly created_at: string
  /** Null: never logged in. */
  readonly last_login: string | null
}

/** Newest first, at most `limit`. */
export function listAccounts(store: TableStore, limit: number): Promise<AccountStatus[]> {
  return store.query(
    `SELECT account.username AS username, account.contact AS contact, account.sponsor AS sponsor,
       toString(account.created_at) AS created_at, toString(account.last_login) AS last_login
     FROM gatepost.account_status AS account ORDER BY account.created_at DESC, account.username LIMIT {limit:UInt32}`,
    { limit },
  )
}

/** Null: there is no such account; case is ignored. Reads no other person's logins. */
export async function accountNamed(store: TableStore, username: string): Promise<AccountStatus | null> {
  const rows = await store.query<AccountStatus>(
    `SELECT account.username AS username, account.contact AS contact, account.sponsor AS sponsor,
       toString(account.created_at) AS created_at,
       toString(nullIf(greatest(ifNull(account.last_login, toDateTime64(0, 3, 'UTC')),
         (SELECT max(last_login) FROM gatepost.account_logins WHERE name = ${capitalsOf('{username:String}')})),
         toDateTime64(0, 3, 'UTC'))) AS last_login
     FROM gatepost.accounts AS account FINAL 
     WHERE ${capitalsOf('account.username')} = ${capitalsOf('{username:String}')}
     ORDER BY account.username = {username:String} DESC, account.username LIMIT 1`,
    { username },
  )
  return rows.at(0) ?? null
}
