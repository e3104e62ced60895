import { join } from 'node:path'
import { pino } from 'pino'
import { openEmbeddedStore } from '../../store/embedded/open.ts'
import type { Store } from '../../store/contract.ts'
import { insertRows } from '../table-store.ts'

/** A login as the tests write it: what is left out is a user's accepted login. */
export interface Login {
  readonly at: string
  readonly user?: string
  readonly site?: string
  readonly success?: 0 | 1
  readonly serial?: string
}

/** The real engine with its tables, empty. The retention is long, so that dates of the past are not merged away. */
export async function openEngine(directory: string): Promise<Store> {
  const store = await openEmbeddedStore({
    path: join(directory, 'store'),
    logger: pino({ level: 'silent' }),
    retentionDays: 3650,
  })
  await store.migrate()
  return store
}

export async function addLogins(store: Store, logins: readonly Login[]): Promise<void> {
  const rows = logins.map(({ at, user = '', site = '', success = 1, serial = '' }) => ({
    received_at: at.replace('T', ' ').replace('Z', ''),
    username: user,
    site_ip: site,
    success,
    cert_serial: serial,
  }))
  await insertRows(store, 'gatepost.post_auth (received_at, username, site_ip, success, cert_serial)', rows)
}
