import { pseudonymOf, type PseudonymKey } from '../../common/pseudonym.ts'
import type { QueryParams } from '../../store/contract.ts'
import { spellings, type Person } from './person.ts'

/** Rows of one table in which a person stands. */
export interface Place {
  readonly table: string
  /** A condition, with parameters of Places.params. */
  readonly where: string
  /** What becomes of these rows; null: they are deleted. */
  readonly set: string | null
}

export interface Places {
  readonly params: QueryParams
  /** In the order in which they are to be emptied: what others are found by goes last. */
  readonly places: readonly Place[]
}

/** The condition of raw rows is the one by which a replay leaves records out (ErasedSubjects): a batch is there whole without them, or not at all. */
const SINCE = 'received_at <= fromUnixTimestamp64Milli({at:Int64})'

/** Of a search, as it stands in the audit log: the value as it was typed or as an address has it, a MAC with any separators. */
const SEARCHED = `positionCaseInsensitiveUTF8(replaceRegexpAll(subject, {ignored:String}, ''), {searched:String}) > 0
  OR positionCaseInsensitiveUTF8(replaceRegexpAll(subject, {ignored:String}, ''), {encoded:String}) > 0`

/**
 * @param at when the person was erased, ms since the epoch
 * @param key of the pseudonyms in login_history; null: it is not known, and nobody is looked for there
 */
export function placesOf(person: Person, at: number, key: PseudonymKey | null): Places {
  const { kind, value } = person
  const searched = kind === 'mac' ? value.replaceAll('-', '') : value
  const params = {
    at,
    names: spellings(person),
    capitals: value.toUpperCase(),
    value,
    // Matches nothing in a name's case: there it is the empty alternative of a text that cannot be.
    ignored: kind === 'mac' ? '[:.-]|%3[Aa]' : '\\x00',
    searched,
    encoded: encodeURIComponent(searched),
    ...key,
  }
  const audit: Place = { table: 'audit_log', where: SEARCHED, set: `subject = '(erased)'` }
  const history = key === null ? [] : kind === 'mac' ? MAC_HISTORY : USER_HISTORY
  return { params, places: [...history, ...(kind === 'mac' ? MAC_PLACES : USER_PLACES), audit] }
}

const deleted = (table: string, where: string): Place => ({ table, where, set: null })

const MAC_HISTORY: readonly Place[] = [
  deleted('login_history', `kind = 'mac' AND detail = ${pseudonymOf('{value:String}')}`),
]

const USER_HISTORY: readonly Place[] = [
  deleted(
    'login_history',
    `kind IN ('site', 'mac') AND subject IN
      (SELECT ${pseudonymOf('known.name')} FROM (SELECT arrayJoin({names:Array(String)}) AS name) AS known)`,
  ),
  deleted(
    'login_history',
    `kind = 'certificate' AND subject IN (SELECT ${pseudonymOf('p.cert_serial')} FROM gatepost.post_auth AS p
      WHERE p.ssl_username IN {names:Array(String)} AND p.cert_serial != '')`,
  ),
]

const MAC_PLACES: readonly Place[] = [
  deleted('session_hours', 'mac = {value:String}'),
  deleted('session_logins', 'mac = {value:String}'),
  deleted('session_origins', `tupleElement(origin, 'mac') = {value:String}`),
  deleted('login_calendar', `kind = 'mac' AND detail = {value:String}`),
  deleted('access_decisions', `subject = concat('mac:', {value:String})`),
  deleted('portal_sessions', `mac = {value:String} AND ${SINCE}`),
  deleted('gateway_auth', `mac = {value:String} AND ${SINCE}`),
  deleted('post_auth', `mac = {value:String} AND ${SINCE}`),
]

const USER_PLACES: readonly Place[] = [
  deleted('session_origins', `tupleElement(origin, 'account') IN {names:Array(String)}`),
  deleted('account_logins', 'name = {capitals:String}'),
  deleted('accounts', `username IN {names:Array(String)} OR ifNull(contact, '') = {value:String}`),
  { table: 'accounts', where: `ifNull(sponsor, '') = {value:String}`, set: 'sponsor = NULL' },
  deleted('login_calendar', `kind IN ('site', 'mac') AND subject IN {names:Array(String)}`),
  deleted(
    'login_calendar',
    `kind = 'certificate' AND subject IN (SELECT p.cert_serial FROM gatepost.post_auth AS p
      WHERE p.ssl_username IN {names:Array(String)} AND p.cert_serial != '')`,
  ),
  deleted('access_decisions', `subject = concat('account:', {value:String})`),
  deleted('portal_sessions', `account IN {names:Array(String)} AND ${SINCE}`),
  deleted('post_auth', `(username IN {names:Array(String)} OR ssl_username IN {names:Array(String)}) AND ${SINCE}`),
]
