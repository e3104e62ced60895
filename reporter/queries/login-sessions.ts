import type { UserNameRule } from '../../common/user-name.ts'
import type { TableStore } from '../../store/table-store.ts'
import { userNameRule } from '../../store/user-names.ts'

/*
 * Which login opened which RADIUS session: the latest accepted one of the same device, NAS and user, from ten minutes before the session's
 * first packet until a minute after it. Clocks of NAS and RADIUS server differ, and some NAS send the Start late. A session of which the NAS
 * knows an anonymous name only, which the login's tunnel has hidden the user behind, has the login of any user.
 */

/** The session that a login opened. */
export interface OpenedSession {
  readonly session_id: string
  /** The NAS. */
  readonly gw_id: string
  readonly state: string
  readonly first_seen: string
  readonly ended: string | null
  /** Why it ended; null: it has not. */
  readonly end_reason: string | null
  readonly incoming: number
  readonly outgoing: number
}

/** What identifies a login. */
export interface LoginKey {
  readonly received_at: string
  readonly username: string
  readonly ssl_username: string
  readonly mac: string
}

export interface Opening {
  readonly session: OpenedSession
  readonly login: LoginKey & {
    readonly authentication_result: string
    readonly authentication_reply: string
    readonly remote_ip: string
  }
}

const BEFORE = 'INTERVAL 10 MINUTE'
const AFTER = 'INTERVAL 1 MINUTE'
/** Names that tell nothing (RFC 7542, section 2.4), also as the rule `govwifi` stores them. */
const ANONYMOUS = '(?i)^(anonymous|anonym)?(@.*)?$'
const MAX_SESSIONS = 10_000
/** Devices per statement: their MACs are part of a URL. */
const DEVICES = 1000

const STORED_FORM: Readonly<Record<UserNameRule, string>> = {
  lowercase: 'lowerUTF8(ssl_username)',
  'as-sent': 'ssl_username',
  govwifi: 'upperUTF8(substringUTF8(ssl_username, 1, 6))',
}

type Row = Omit<OpenedSession, 'incoming' | 'outgoing'> &
  Opening['login'] & { readonly incoming: number | string; readonly outgoing: number | string }

/** By keyOf(). A login that opened several sessions has the first. @throws GatepostError of the store */
export async function sessionsOpenedBy(
  store: TableStore,
  logins: readonly (LoginKey & { readonly success: number })[],
): Promise<Map<string, OpenedSession>> {
  const accepted = logins.filter(({ success, mac }) => success === 1 && mac !== '')
  if (accepted.length === 0) return new Map()
  const times = accepted.map(({ received_at }) => received_at).sort()
  const found = await openings(
    store,
    accepted.map(({ mac }) => mac),
    times[0],
    times[times.length - 1],
  )
  return new Map(found.reverse().map(({ login, session }) => [keyOf(login), session]))
}

/** What identifies a RADIUS session, and finds its login. */
export interface SessionKey {
  readonly session_id: string
  readonly gw_id: string
  readonly mac: string
  readonly first_seen: string | null
}

/** The login that opened each session, by sessionKeyOf(); sessions of which none is known are not there. @throws GatepostError of the store */
export async function loginsThatOpened(
  store: TableStore,
  sessions: readonly SessionKey[],
): Promise<Map<string, Opening['login']>> {
  const named = sessions.filter(({ mac }) => mac !== '')
  const times = named.flatMap(({ first_seen }) => first_seen ?? []).sort()
  if (times.length === 0) return new Map()
  const macs = named.map(({ mac }) => mac)
  const found = await openings(store, macs, times[0], times[times.length - 1])
  return new Map(found.map(({ session, login }) => [sessionKeyOf(session), login]))
}

export function sessionKeyOf({ gw_id, session_id }: Pick<SessionKey, 'gw_id' | 'session_id'>): string {
  return JSON.stringify([gw_id, session_id])
}

export function keyOf({ received_at, username, ssl_username, mac }: LoginKey): string {
  return JSON.stringify([received_at, username, ssl_username, mac])
}

/** Sessions of these devices that began around this time, and their logins; those of a device the earliest first. */
async function openings(store: TableStore, macs: readonly string[], from: string, to: string): Promise<Opening[]> {
  const devices = [...new Set(macs)]
  const found: Opening[] = []
  for (let first = 0; first < devices.length; first += DEVICES)
    found.push(...(await openingsOf(store, devices.slice(first, first + DEVICES), from, to)))
  return found
}

async function openingsOf(store: TableStore, macs: readonly string[], from: string, to: string): Promise<Opening[]> {
  const [first, last] = ['from', 'to'].map((name) => `parseDateTime64BestEffort({${name}:String}, 3, 'UTC')`)
  const rows = await store.query<Row>(
    `SELECT one.session_id AS session_id, one.gw_id AS gw_id, one.state AS state, toString(one.first_seen) AS first_seen, toString(one.ended) AS ended,
       one.end_reason AS end_reason, one.incoming AS incoming, one.outgoing AS outgoing, toString(login.received_at) AS received_at,
       login.username AS username, login.ssl_username AS ssl_username, login.mac AS mac, login.result AS authentication_result,
       login.reply AS authentication_reply, login.remote AS remote_ip
     FROM
     (
       SELECT session_id, gw_id, mac, state, first_seen, ended, end_reason, incoming, outgoing,
         if(match(account, '${ANONYMOUS}'), '', account) AS name, first_seen + ${AFTER} AS latest
       FROM gatepost.radius_sessions AS sessions
       WHERE (sessions.gw_id, sessions.session_id) IN (
           SELECT nas, unique_id FROM gatepost.radius_session_days AS days
           WHERE days.mac IN ({macs:Array(String)}) AND days.first_at >= ${first} - ${AFTER} AND days.first_at <= ${last} + ${BEFORE})
         AND sessions.first_seen >= ${first} - ${AFTER} AND sessions.first_seen <= ${last} + ${BEFORE}
       ORDER BY sessions.first_seen DESC LIMIT ${MAX_SESSIONS}
     ) AS one
     ASOF INNER JOIN
     (
       SELECT rows.received_at AS received_at, username, ssl_username, mac, authentication_result AS result, authentication_reply AS reply,
         toString(remote_ip) AS remote, multiIf(nas_identifier != '', nas_identifier, nas_ip != '', nas_ip, site_ip) AS nas,
         arrayJoin(arrayDistinct([if(username != '', username, ${STORED_FORM[await userNameRule(store)]}), ''])) AS name
       FROM gatepost.post_auth AS rows
       WHERE rows.mac IN ({macs:Array(String)}) AND rows.success = 1
         AND rows.received_at >= ${first} - ${BEFORE} - ${AFTER} AND rows.received_at <= ${last} + ${BEFORE} + ${AFTER}
     ) AS login ON login.mac = one.mac AND login.nas = one.gw_id AND login.name = one.name AND login.received_at <= one.latest
     WHERE login.received_at >= one.first_seen - ${BEFORE}
     ORDER BY one.first_seen, one.session_id`,
    { macs, from, to },
  )
  return rows.map((row) => {
    const { session_id, gw_id, state, first_seen, ended, end_reason, incoming, outgoing, ...login } = row
    const bytes = { incoming: Number(incoming), outgoing: Number(outgoing) }
    return { session: { session_id, gw_id, state, first_seen, ended, end_reason, ...bytes }, login }
  })
}
