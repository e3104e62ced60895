import { fieldsHolding, STREAMS } from '../schemas/streams/index.ts'
import { capitals, type UserNameRule } from '../common/user-name.ts'
import { decidedSubjectsOf } from '../access/subjects.ts'
import type { QueryParams } from '../store/contract.ts'
import type { SubjectKind } from './erased.ts'
import { spellings, type Person } from './person.ts'
import type { Traces } from './traces.ts'

/** Rows of one table that name the person. */
export interface Place {
  readonly table: string
  /** A condition with the parameters in Places.params. */
  readonly where: string
  /** What the rows are updated with; null: they are deleted. */
  readonly set: string | null
}

export interface Places {
  readonly params: QueryParams
  /** In the order of deletion: rows that are needed to find others go last. */
  readonly places: readonly Place[]
}

/**
 * The condition for raw rows equals the one by which a replay skips records (ErasedSubjects): a batch is either there without them, or not
 * at all.
 */
const SINCE = 'received_at <= fromUnixTimestamp64Milli({at:Int64})'

/**
 * Searches in the audit log: the value as typed or percent-encoded, a MAC with any separators. (What was forgotten is logged as a hash,
 * which could contain a short name by chance.)
 */
const SEARCHED = `action NOT IN ('forget', 'forget_counted', 'forget_refused') AND (positionCaseInsensitiveUTF8(replaceRegexpAll(subject, {ignored:String}, ''), {searched:String}) > 0
  OR positionCaseInsensitiveUTF8(replaceRegexpAll(subject, {ignored:String}, ''), {encoded:String}) > 0)`

/**
 * No condition refers to another table: the replicas of a table must all find the same rows.
 * @param rule by which user names are stored
 * @param at when the person was erased, ms since the epoch
 */
export function placesOf(person: Person, rule: UserNameRule, at: number, traces: Traces): Places {
  const { kind, value } = person
  const searched = kind === 'mac' ? value.replaceAll('-', '') : value
  const params = {
    at,
    names: spellings(person, rule),
    capitals: capitals(value),
    value,
    decided: kind === 'writer' ? [] : decidedSubjectsOf(kind, value),
    // For names nothing is ignored: the pattern matches a NUL, which no text contains.
    ignored: kind === 'mac' ? '[:.-]|%3[Aa]' : '\\x00',
    searched,
    encoded: encodeURIComponent(searched),
    ...traces,
  }
  if (kind === 'writer') return { params, places: WRITER_PLACES }
  const audit: Place = { table: 'audit_log', where: SEARCHED, set: `subject = '(erased)'` }
  return { params, places: [...(kind === 'mac' ? MAC_PLACES : USER_PLACES), audit] }
}

/** nullIf of an emptied text: `sponsor = NULL` alone would leave the name in the file, hidden by the null mark. */
const NO_SPONSOR = `sponsor = nullIf(left(ifNull(sponsor, ''), 0), '')`

const deleted = (table: string, where: string): Place => ({ table, where, set: null })

/** The raw tables, by the `holds` of their streams' fields; post_auth, which certificates are found in, is last. */
function rawPlaces(holds: SubjectKind, condition: (column: string) => string): Place[] {
  return [...STREAMS].reverse().flatMap((stream) => {
    const columns = fieldsHolding(stream, holds)
    return columns.length === 0 ? [] : [deleted(stream, `(${columns.map(condition).join(' OR ')}) AND ${SINCE}`)]
  })
}

const MAC_PLACES: readonly Place[] = [
  deleted('login_history', `kind = 'mac' AND detail IN {pseudonyms:Array(String)}`),
  deleted('session_hours', 'mac = {value:String}'),
  deleted('radius_session_days', 'mac = {value:String}'),
  deleted('session_logins', 'mac = {value:String}'),
  deleted('session_client_logins', 'mac = {value:String}'),
  deleted('session_origins', `tupleElement(origin, 'mac') = {value:String}`),
  deleted('login_calendar', `kind = 'mac' AND detail = {value:String}`),
  deleted('access_decisions', 'subject IN {decided:Array(String)}'),
  ...rawPlaces('mac', (column) => `${column} = {value:String}`),
]

/** Derived rows do not say who wrote: see remainsOf() of forget-person.ts. */
const WRITER_PLACES: readonly Place[] = rawPlaces('writer', (column) => `${column} = {value:String}`)

const USER_PLACES: readonly Place[] = [
  deleted('login_history', `kind IN ('site', 'mac') AND subject IN {pseudonyms:Array(String)}`),
  deleted('login_history', `kind = 'certificate' AND subject IN {serialPseudonyms:Array(String)}`),
  deleted('session_origins', `tupleElement(origin, 'account') IN {names:Array(String)}`),
  deleted('radius_session_days', 'username IN {names:Array(String)}'),
  deleted('account_logins', 'name = {capitals:String}'),
  deleted('accounts', `username IN {names:Array(String)} OR ifNull(contact, '') = {value:String}`),
  { table: 'accounts', where: `ifNull(sponsor, '') = {value:String}`, set: NO_SPONSOR },
  deleted('login_calendar', `kind IN ('site', 'mac') AND subject IN {names:Array(String)}`),
  deleted('login_calendar', `kind = 'certificate' AND subject IN {serials:Array(String)}`),
  deleted('access_decisions', 'subject IN {decided:Array(String)}'),
  ...rawPlaces('user', (column) => `${column} IN {names:Array(String)}`),
]
