import { fieldsHolding, TOPICS } from '../schemas/streams/index.ts'
import { capitals } from '../common/user-name.ts'
import { decidedSubjectsOf } from '../access/subjects.ts'
import type { QueryParams } from '../store/contract.ts'
import { spellings, type Person } from './person.ts'
import type { Traces } from './traces.ts'

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

/** Of a search, as it stands in the audit log (what was forgotten there is a hash, in which a short name could be found by chance): the value as it was typed or as an address has it, a MAC with any separators. */
const SEARCHED = `action NOT IN ('forget', 'forget_counted', 'forget_refused') AND (positionCaseInsensitiveUTF8(replaceRegexpAll(subject, {ignored:String}, ''), {searched:String}) > 0
  OR positionCaseInsensitiveUTF8(replaceRegexpAll(subject, {ignored:String}, ''), {encoded:String}) > 0)`

/**
 * No condition asks another table: replicas of a table must all find the same rows.
 * @param at when the person was erased, ms since the epoch
 */
export function placesOf(person: Person, at: number, traces: Traces): Places {
  const { kind, value } = person
  const searched = kind === 'mac' ? value.replaceAll('-', '') : value
  const params = {
    at,
    names: spellings(person),
    capitals: capitals(value),
    value,
    decided: decidedSubjectsOf(kind, value),
    // Matches nothing in a name's case: there it is the empty alternative of a text that cannot be.
    ignored: kind === 'mac' ? '[:.-]|%3[Aa]' : '\\x00',
    searched,
    encoded: encodeURIComponent(searched),
    ...traces,
  }
  const audit: Place = { table: 'audit_log', where: SEARCHED, set: `subject = '(erased)'` }
  return { params, places: [...(kind === 'mac' ? MAC_PLACES : USER_PLACES), audit] }
}

/** Null of an empty text: `sponsor = NULL` alone leaves the name in the file, below the mark that says null. */
const NO_SPONSOR = `sponsor = nullIf(left(ifNull(sponsor, ''), 0), '')`

const deleted = (table: string, where: string): Place => ({ table, where, set: null })

/** The raw tables, by what their streams say of their fields; post_auth, where certificates are found, last. */
function rawPlaces(holds: 'user' | 'mac', condition: (column: string) => string): Place[] {
  return [...TOPICS].reverse().flatMap((topic) => {
    const columns = fieldsHolding(topic, holds)
    return columns.length === 0 ? [] : [deleted(topic, `(${columns.map(condition).join(' OR ')}) AND ${SINCE}`)]
  })
}

const MAC_PLACES: readonly Place[] = [
  deleted('login_history', `kind = 'mac' AND detail IN {pseudonyms:Array(String)}`),
  deleted('session_hours', 'mac = {value:String}'),
  deleted('session_logins', 'mac = {value:String}'),
  deleted('session_origins', `tupleElement(origin, 'mac') = {value:String}`),
  deleted('login_calendar', `kind = 'mac' AND detail = {value:String}`),
  deleted('access_decisions', 'subject IN {decided:Array(String)}'),
  ...rawPlaces('mac', (column) => `${column} = {value:String}`),
]

const USER_PLACES: readonly Place[] = [
  deleted('login_history', `kind IN ('site', 'mac') AND subject IN {pseudonyms:Array(String)}`),
  deleted('login_history', `kind = 'certificate' AND subject IN {serialPseudonyms:Array(String)}`),
  deleted('session_origins', `tupleElement(origin, 'account') IN {names:Array(String)}`),
  deleted('account_logins', 'name = {capitals:String}'),
  deleted('accounts', `username IN {names:Array(String)} OR ifNull(contact, '') = {value:String}`),
  { table: 'accounts', where: `ifNull(sponsor, '') = {value:String}`, set: NO_SPONSOR },
  deleted('login_calendar', `kind IN ('site', 'mac') AND subject IN {names:Array(String)}`),
  deleted('login_calendar', `kind = 'certificate' AND subject IN {serials:Array(String)}`),
  deleted('access_decisions', 'subject IN {decided:Array(String)}'),
  ...rawPlaces('user', (column) => `${column} IN {names:Array(String)}`),
]
