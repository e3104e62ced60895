import { canonicalIp } from '../../common/ip-address.ts'
import { sqlTime } from '../../common/sql-time.ts'
import { storedUserName } from '../../common/user-name.ts'
import { userNameRule } from '../../store/user-names.ts'
import { accountNamed } from '../accounts/list.ts'
import { keyOf, sessionsOpenedBy, type OpenedSession } from './login-sessions.ts'
import type { TableStore } from '../../store/table-store.ts'

/** Search criteria of the support desk; the first one that is set is used. */
export interface LoginSearch {
  /** A user name as typed. */
  readonly user?: string
  /** Serial number of a client certificate. */
  readonly cert?: string
  /** In the normal form. */
  readonly mac?: string
  readonly site?: string
  /** The access point's MAC in the normal form. */
  readonly ap?: string
  readonly building?: string
  readonly failed: boolean
  readonly since: Date
  readonly until: Date
  readonly limit: number
  /** How many to leave out before the first one. */
  readonly offset?: number
}

/** A row of table `post_auth`. */
export interface Login {
  readonly received_at: string
  readonly username: string
  readonly ssl_username: string
  readonly mac: string
  readonly ap: string
  readonly building_identifier: string
  readonly site_ip: string
  readonly success: number
  readonly authentication_result: string
  readonly authentication_reply: string
  readonly cert_name: string
  readonly cert_serial: string
  readonly cert_issuer: string
  readonly eap_type: string
  readonly task_id: string
  readonly ssid: string
  readonly nas_identifier: string
  readonly nas_ip: string
  readonly nas_port_id: string
  readonly realm: string
  readonly auth_method: string
}

export interface Reason {
  readonly authentication_result: string
  readonly authentication_reply: string
  readonly logins: number
  readonly latest: string
}

export interface Device {
  readonly mac: string
  readonly successes: number
  readonly failures: number
  readonly latest: string
}

/** A search with the user name as it is stored; empty: no user is searched. */
type StoredSearch = LoginSearch & { readonly storedName: string }

export interface AccountSummary {
  readonly username: string
  readonly created_at: string
  readonly last_login: string | null
}

/** A login, and the RADIUS session that it opened; null: none is known. */
export type FoundLogin = Login & { readonly session: OpenedSession | null }

export interface LoginReport {
  /** Newest first. */
  readonly logins: readonly FoundLogin[]
  /** How many match, those included that limit and offset leave out; `MAX_COUNTED + 1`: more than are counted. */
  readonly total: number
  /** Rejections since `reasons_since` by reply of the RADIUS server, most frequent first. */
  readonly reasons: readonly Reason[]
  /** The beginning of the searched time, or later if there are a thousand rejections since. */
  readonly reasons_since: string
  /** Set when searching for a user. */
  readonly account: AccountSummary | null
  readonly devices: readonly Device[]
}

const COLUMNS = [
  'toString(logins.received_at) AS received_at',
  'username',
  'ssl_username',
  'mac',
  'ap',
  'building_identifier',
  'site_ip',
  'success',
  'authentication_result',
  'authentication_reply',
  'cert_name',
  'cert_serial',
  'cert_issuer',
  'eap_type',
  'task_id',
  'ssid',
  'nas_identifier',
  'nas_ip',
  'nas_port_id',
  'realm',
  'auth_method',
].join(', ')

/** Most searches find enough in the newest hours: a range is only searched if the newer ones did not have enough. */
const HOUR_MS = 3_600_000
const RANGES_MS = [HOUR_MS, 24 * HOUR_MS, 8 * 24 * HOUR_MS, Infinity]
const MAX_REASONS = 20
const MAX_DEVICES = 20
/** A month of a large site has millions of logins, and nobody reads on that far. */
const MAX_COUNTED = 10_000
/** This many rejections show the reasons; a month of a large site has a hundred times as many. */
const REJECTIONS_ENOUGH = 1000

/** @throws GatepostError of the store */
export async function findLogins(store: TableStore, asked: LoginSearch): Promise<LoginReport> {
  const { user } = asked
  const search = { ...asked, storedName: user === undefined ? '' : storedUserName(user, await userNameRule(store)) }
  const logins = await newest(store, search)
  // If everything has been found, count the reasons from it instead of reading the rows again.
  const all = logins.length < search.limit && isFirstPage(search)
  const [total, account, devices, counted] = [
    all ? logins.length : await countLogins(store, search),
    search.user === undefined ? null : await accountSummary(store, search.user),
    search.user === undefined ? [] : all && !search.failed ? devicesAmong(logins) : await devicesOf(store, search),
    all ? { reasons: reasonsAmong(logins), since: search.since.getTime() } : await reasonsOf(store, search),
  ]
  const sessions = await sessionsOpenedBy(store, logins)
  const found = logins.map((login) => ({ ...login, session: sessions.get(keyOf(login)) ?? null }))
  return { logins: found, total, reasons: counted.reasons, reasons_since: sqlTime(counted.since), account, devices }
}

/** Consecutive ranges of the searched time, newest first. */
function* rangesOf(search: LoginSearch): Generator<{ readonly from: number; readonly to: number }> {
  let to = search.until.getTime()
  for (const range of RANGES_MS) {
    const from = Math.max(search.since.getTime(), search.until.getTime() - range)
    if (from >= to) continue
    yield { from, to }
    to = from
  }
}

const isFirstPage = ({ offset = 0 }: LoginSearch) => offset === 0

async function newest(store: TableStore, search: StoredSearch): Promise<Login[]> {
  const whole = [{ from: search.since.getTime(), to: search.until.getTime() }]
  const found: Login[] = []
  for (const { from, to } of isFirstPage(search) ? rangesOf(search) : whole) {
    const rows = await store.query<Login>(
      `SELECT ${COLUMNS} FROM gatepost.post_auth AS logins
       WHERE ${condition(search)} ${onlyFailed(search)}
       ORDER BY logins.received_at DESC, batch_id, batch_index LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
      {
        ...parameters(search),
        from: sqlTime(from),
        to: sqlTime(to),
        limit: search.limit - found.length,
        offset: search.offset ?? 0,
      },
    )
    found.push(...rows)
    if (found.length >= search.limit) break
  }
  return found
}

async function countLogins(store: TableStore, search: StoredSearch): Promise<number> {
  const [row] = await store.query<{ found: number }>(
    `SELECT toUInt32(count()) AS found FROM (
       SELECT 1 FROM gatepost.post_auth AS logins WHERE ${condition(search)} ${onlyFailed(search)} LIMIT ${MAX_COUNTED + 1})`,
    parameters(search),
  )
  return row.found
}

const onlyFailed = ({ failed }: LoginSearch) => (failed ? 'AND success = 0' : '')

/** Counts the reasons range by range, until there are enough. */
async function reasonsOf(store: TableStore, search: StoredSearch): Promise<{ reasons: Reason[]; since: number }> {
  const reasons = new Map<string, Reason>()
  let since = search.until.getTime()
  let rejections = 0
  for (const { from, to } of rangesOf(search)) {
    const rows = await store.query<Reason>(
      `SELECT authentication_result, authentication_reply, toUInt32(count()) AS logins,
         toString(max(received_at)) AS latest
       FROM gatepost.post_auth AS logins WHERE ${condition(search)} AND success = 0
       GROUP BY authentication_result, authentication_reply`,
      { ...parameters(search), from: sqlTime(from), to: sqlTime(to) },
    )
    for (const row of rows) {
      rejections += row.logins
      count(reasons, row)
    }
    since = from
    if (rejections >= REJECTIONS_ENOUGH) break
  }
  return { reasons: mostFrequent(reasons), since }
}

function reasonsAmong(logins: readonly Login[]): Reason[] {
  const reasons = new Map<string, Reason>()
  for (const { success, received_at: latest, authentication_result, authentication_reply } of logins) {
    if (success === 0) count(reasons, { authentication_result, authentication_reply, logins: 1, latest })
  }
  return mostFrequent(reasons)
}

function count(reasons: Map<string, Reason>, more: Reason): void {
  const key = JSON.stringify([more.authentication_result, more.authentication_reply])
  const known = reasons.get(key)
  const latest = known === undefined || more.latest > known.latest ? more.latest : known.latest
  reasons.set(key, { ...more, logins: (known?.logins ?? 0) + more.logins, latest })
}

function mostFrequent(reasons: ReadonlyMap<string, Reason>): Reason[] {
  const order = (one: Reason, other: Reason) =>
    other.logins - one.logins || (one.authentication_reply < other.authentication_reply ? -1 : 1)
  return [...reasons.values()].sort(order).slice(0, MAX_REASONS)
}

/** PRECONDITION: logins are ordered newest first. */
function devicesAmong(logins: readonly Login[]): Device[] {
  const devices = new Map<string, Device>()
  for (const { mac, success, received_at } of logins) {
    if (mac === '') continue
    const { successes, failures, latest } = devices.get(mac) ?? { successes: 0, failures: 0, latest: received_at }
    devices.set(mac, { mac, successes: successes + success, failures: failures + 1 - success, latest })
  }
  return [...devices.values()].slice(0, MAX_DEVICES)
}

function devicesOf(store: TableStore, search: StoredSearch): Promise<Device[]> {
  return store.query<Device>(
    `SELECT mac, toUInt32(countIf(success = 1)) AS successes, toUInt32(countIf(success = 0)) AS failures,
       toString(max(received_at)) AS latest
     FROM gatepost.post_auth AS logins WHERE ${condition(search)} AND mac != ''
     GROUP BY mac ORDER BY max(received_at) DESC LIMIT ${MAX_DEVICES}`,
    parameters(search),
  )
}

async function accountSummary(store: TableStore, user: string): Promise<AccountSummary | null> {
  const account = await accountNamed(store, user)
  return account && { username: account.username, created_at: account.created_at, last_login: account.last_login }
}

function condition({ user, cert, mac, site, ap, building }: LoginSearch): string {
  const time = "logins.received_at >= {from:DateTime64(3, 'UTC')} AND logins.received_at < {to:DateTime64(3, 'UTC')}"
  if (user !== undefined) return `${time} AND (username = {username:String} OR ssl_username = {value:String})`
  if (cert !== undefined) return `${time} AND cert_serial = {value:String}`
  if (mac !== undefined) return `${time} AND mac = {value:String}`
  if (site !== undefined) return `${time} AND site_ip = {value:String}`
  if (ap !== undefined) return `${time} AND ap = {value:String}`
  if (building !== undefined) return `${time} AND building_identifier = {value:String}`
  return time
}

function parameters(search: StoredSearch): Record<string, string | number> {
  const { user, cert, mac, site, ap, building } = search
  return {
    from: sqlTime(search.since.getTime()),
    to: sqlTime(search.until.getTime()),
    value: user ?? cert ?? mac ?? spelledAddress(site) ?? ap ?? building ?? '',
    username: search.storedName,
  }
}

/** As post_auth.site_ip writes an address. */
function spelledAddress(site: string | undefined): string | undefined {
  return site && (canonicalIp(site) ?? site)
}
