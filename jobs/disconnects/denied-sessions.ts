import { isIPv6 } from 'node:net'
import type { UserNameRule } from '../../common/user-name.ts'
import type { Store } from '../../store/contract.ts'
import type { Attributes } from './packet.ts'

/** A RADIUS session that goes on although a decision denies it, or something wider: its device, account or NAS. */
export interface DeniedSession {
  readonly nas: string
  readonly session_id: string
  readonly account: string
  readonly mac: string
  readonly last_seen: string
  /** 1: it is time to ask its NAS. */
  readonly due: number
}

/** What a NAS knows the session by. */
export interface Identity {
  /** Address of the RADIUS client; empty: not known. */
  readonly site: string
  readonly attributes: Attributes
}

const MAX_SESSIONS = 5000
/** Between two requests for a session: 1, 2, 4 ... minutes, at most an hour. */
const FIRST_WAIT_SECONDS = 60
const LONGEST_WAIT_SECONDS = 3600
/** A packet this long after an acknowledgement shows that the session goes on. */
const ENDING_SECONDS = 60

const deniedOf = (kind: string) =>
  `SELECT substring(subject, ${kind.length + 2}) AS name FROM gatepost.access_control WHERE verdict = 'deny' AND startsWith(subject, '${kind}:')`

/** As radius_accounting.username writes a name. */
const STORED_FORM: Readonly<Record<UserNameRule, (name: string) => string>> = {
  lowercase: (name) => `lowerUTF8(${name})`,
  'as-sent': (name) => name,
  govwifi: (name) => `upperUTF8(substringUTF8(${name}, 1, 6))`,
}

/** Keys are found first, so that the state of other sessions need not be computed. */
const deniedBy = (rule: UserNameRule) => `
SELECT one.gw_id AS nas, one.session_id AS session_id, one.account AS account, one.mac AS mac, toString(one.last_seen) AS last_seen,
  (told.tries = 0 OR (now64(3, 'UTC') > told.latest.1 + toIntervalSecond(least(${LONGEST_WAIT_SECONDS}, ${FIRST_WAIT_SECONDS} * exp2(least(told.tries, 20) - 1)))
    AND (told.latest.2 != 'ack' OR one.last_seen > told.latest.1 + toIntervalSecond(${ENDING_SECONDS}))))::UInt8 AS due
FROM gatepost.radius_sessions AS one
LEFT JOIN
(
  SELECT nas, unique_id, toUInt32(count()) AS tries, max(tuple(at, toString(outcome))) AS latest FROM gatepost.radius_disconnects GROUP BY nas, unique_id
) AS told ON told.nas = one.gw_id AND told.unique_id = one.session_id
WHERE one.state = 'active'
  AND (one.gw_id, one.session_id) IN (
    SELECT nas, unique_id FROM gatepost.radius_session_days AS days
    WHERE days.unique_id IN (${deniedOf('session')})
      OR days.mac IN (${deniedOf('mac')})
      OR days.username IN (SELECT ${STORED_FORM[rule]('each.name')} FROM (${deniedOf('account')}) AS each)
      OR days.nas IN (${deniedOf('gateway')}))
ORDER BY due DESC, told.tries, one.last_seen DESC, one.session_id
LIMIT ${MAX_SESSIONS}`

/** Sessions that may be denied: a narrower decision may allow them. @throws GatepostError of the store */
export function deniedSessions(store: Pick<Store, 'query'>, rule: UserNameRule): Promise<DeniedSession[]> {
  return store.query<DeniedSession>(deniedBy(rule))
}

interface Row {
  readonly nas: string
  readonly unique_id: string
  readonly account: string
  readonly session: string
  readonly multi: string
  readonly client: string
  readonly identifier: string
  readonly nas_ip: string
  readonly site: string
  readonly framed: string
}

/** By keyOf(). From the latest packet of each session. @throws GatepostError of the store */
export async function identitiesOf(
  store: Pick<Store, 'query'>,
  sessions: readonly DeniedSession[],
): Promise<Map<string, Identity>> {
  const rows = await store.query<Row>(
    `SELECT nas, unique_id, latest.1 AS account, latest.2 AS session, latest.3 AS multi, latest.4 AS client, latest.5 AS identifier,
       latest.6 AS nas_ip, latest.7 AS site, latest.8 AS framed
     FROM
     (
       SELECT toString(packet.nas) AS nas, unique_id, argMax(tuple(username, acct_session_id, multi_session_id, mac, toString(nas_identifier),
         toString(nas_ip), toString(site_ip), framed_ip), packet.received_at) AS latest
       FROM gatepost.radius_accounting AS packet
       WHERE packet.unique_id IN ({ids:Array(String)})
         AND packet.received_at >= parseDateTime64BestEffort({from:String}, 3, 'UTC') - INTERVAL 10 MINUTE
       GROUP BY nas, unique_id
     )`,
    {
      ids: sessions.map(({ session_id }) => session_id),
      from: sessions.map(({ last_seen }) => last_seen).sort()[0] ?? '1970-01-01 00:00:00',
    },
  )
  return new Map(rows.map((row) => [keyOf(row.nas, row.unique_id), identityOf(row)]))
}

export function keyOf(nas: string, sessionId: string): string {
  return JSON.stringify([nas, sessionId])
}

function identityOf({ account, session, multi, client, identifier, nas_ip, site, framed }: Row): Identity {
  return {
    site,
    attributes: {
      'NAS-Identifier': identifier,
      [isIPv6(nas_ip) ? 'NAS-IPv6-Address' : 'NAS-IP-Address']: nas_ip,
      'Acct-Session-Id': session,
      'Acct-Multi-Session-Id': multi,
      'Calling-Station-Id': client,
      'User-Name': account,
      'Framed-IP-Address': framed,
    },
  }
}
