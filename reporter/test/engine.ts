import { join } from 'node:path'
import type { EngineRole } from '../../store/embedded/access-control.ts'
import { openMigratedStore } from '../../test/helpers/migrated-store.ts'
import type { Store } from '../../store/contract.ts'
import { insertRows } from '../../store/table-store.ts'
import { retentionOf } from '../../store/retention.ts'

/** A login in short form: fields that are left out are those of a user's accepted login. */
export interface Login {
  readonly at: string
  readonly user?: string
  readonly site?: string
  readonly success?: 0 | 1
  readonly serial?: string
  readonly issuer?: string
  readonly mac?: string
}

/** An account in short form; the latest one of a username counts. */
export interface Account {
  readonly name: string
  readonly contact?: string | null
  readonly sponsor?: string | null
  readonly created: string
  readonly lastLogin?: string | null
}

/** A heartbeat in short form. */
export interface Ping {
  readonly at: string
  readonly gateway: string
  readonly trusted?: 0 | 1
}

/** The real engine with its tables, empty. The retention is long, so that dates of the past are not merged away. */
export async function openEngine(directory: string, roles: readonly EngineRole[] = []): Promise<Store> {
  const store = await openMigratedStore({
    path: join(directory, 'store'),
    retention: retentionOf(3650),
    roles,
  })
  return store
}

export async function addLogins(store: Store, logins: readonly Login[]): Promise<void> {
  const rows = logins.map(({ at, user = '', site = '', success = 1, serial = '', issuer = '', mac = '' }) => ({
    received_at: sqlTime(at),
    username: user,
    site_ip: site,
    success,
    cert_serial: serial,
    cert_issuer: issuer,
    mac,
  }))
  await insertRows(
    store,
    'gatepost.post_auth (received_at, username, site_ip, success, cert_serial, cert_issuer, mac)',
    rows,
  )
}

/** In this order: each is newer than the one before. */
export async function addAccounts(store: Store, accounts: readonly Account[]): Promise<void> {
  const rows = accounts.map(({ name, contact = null, sponsor = null, created, lastLogin = null }, index) => ({
    username: name,
    contact,
    sponsor,
    created_at: sqlTime(created),
    last_login: lastLogin === null ? null : sqlTime(lastLogin),
    updated_at: sqlTime(new Date(Date.UTC(2024, 0, 1) + index).toISOString()),
  }))
  await insertRows(store, 'gatepost.accounts', rows)
}

export async function addPings(store: Store, pings: readonly Ping[]): Promise<void> {
  const rows = pings.map(({ at, gateway, trusted = 1 }) => ({ received_at: sqlTime(at), gw_id: gateway, trusted }))
  await insertRows(store, 'gatepost.gateway_pings (received_at, gw_id, trusted)', rows)
}

const EVERYTHING = [
  'post_auth',
  'login_calendar',
  'accounts',
  'account_logins',
  'gateway_pings',
  'gateway_latest',
  'gateway_runs',
] as const

/** Empties the tables from which metrics are computed, except the locations. */
export async function clear(store: Store): Promise<void> {
  for (const table of EVERYTHING) await store.command(`TRUNCATE TABLE gatepost.${table}`)
}

function sqlTime(at: string): string {
  return at.replace('T', ' ').replace('Z', '')
}
