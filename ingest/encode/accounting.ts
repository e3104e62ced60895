import { createHash } from 'node:crypto'
import { canonicalIp } from '../../common/ip-address.ts'
import type { UserNameRule } from '../../common/user-name.ts'
import type { FieldNames } from '../../schemas/streams/index.ts'
import { ACCOUNTING_BYTES } from '../limits.ts'
import type { JsonFields } from '../parse/json.ts'
import { BIG, INVALID, parseUint64, uint64Value } from '../parse/number.ts'
import type { Cursor } from './cursor.ts'
import type { Sender } from './post-auth.ts'
import { putAddress, putMac, putRealm, putText, putUsername, ssidAfter } from './report-fields.ts'

export const ACCOUNTING_KEYS = [
  'acct_status_type',
  'acct_unique_session_id',
  'acct_session_id',
  'acct_multi_session_id',
  'username',
  'mac',
  'called_station_id',
  'site_ip_address',
  'nas_identifier',
  'nas_ip',
  'nas_ip_address',
  'nas_ipv6_address',
  'nas_port_id',
  'framed_ip_address',
  'framed_ipv6_address',
  'framed_ipv6_prefix',
  'acct_session_time',
  'acct_input_octets',
  'acct_input_gigawords',
  'acct_output_octets',
  'acct_output_gigawords',
  'acct_input_packets',
  'acct_output_packets',
  'acct_terminate_cause',
  'acct_delay_time',
  'task_id',
  'event_timestamp',
  'report_id',
] as const

type Key = (typeof ACCOUNTING_KEYS)[number]
const slot = (name: Key) => ACCOUNTING_KEYS.indexOf(name)
const STATUS_TYPE = slot('acct_status_type')
const UNIQUE_ID = slot('acct_unique_session_id')
const SESSION_ID = slot('acct_session_id')
const USERNAME = slot('username')
const MAC = slot('mac')
const CALLED_STATION_ID = slot('called_station_id')
const SITE_IP = slot('site_ip_address')
const NAS_IDENTIFIER = slot('nas_identifier')
const DELAY_TIME = slot('acct_delay_time')
export const ACCOUNTING_EVENT_TIMESTAMP = slot('event_timestamp')
export const ACCOUNTING_REPORT_ID = slot('report_id')
const NAS_ADDRESSES = [slot('nas_ip'), slot('nas_ip_address'), slot('nas_ipv6_address')]
const FRAMED_IPV6 = [slot('framed_ipv6_address'), slot('framed_ipv6_prefix')]

/** Numbers of Acct-Status-Type (RFC 2866, section 5.1), which rlm_rest may write in place of the names. */
const STATUS_TYPES: Readonly<Record<string, string>> = {
  start: 'Start',
  1: 'Start',
  stop: 'Stop',
  2: 'Stop',
  'interim-update': 'Interim-Update',
  alive: 'Interim-Update',
  3: 'Interim-Update',
  'accounting-on': 'Accounting-On',
  7: 'Accounting-On',
  'accounting-off': 'Accounting-Off',
  8: 'Accounting-Off',
}

export const ACCOUNTING_FIELDS: FieldNames<'radius_accounting'> = [
  'event_at',
  'status_type',
  'unique_id',
  'acct_session_id',
  'multi_session_id',
  'username',
  'realm',
  'mac',
  'ap',
  'building_identifier',
  'ssid',
  'site_ip',
  'nas',
  'nas_identifier',
  'nas_ip',
  'nas_port_id',
  'framed_ip',
  'framed_ipv6',
  'session_time',
  'input_octets',
  'output_octets',
  'input_packets',
  'output_packets',
  'terminate_cause',
  'delay_time',
  'task_id',
  'remote_ip',
  'source',
]

export interface AccountingStats {
  /** Numbers that are none, stored as not reported. */
  badNumbers: number
  /** Times of events that were not believed, by reason; the event has the time of its report. */
  readonly timesNotUsed: { unproven: number; unreadable: number; ahead: number; unset: number }
}

export function newAccountingStats(): AccountingStats {
  return { badNumbers: 0, timesNotUsed: { unproven: 0, unreadable: 0, ahead: 0, unset: 0 } }
}

/** What is wrong with a report; null: nothing. */
export function accountingProblem(
  fields: JsonFields,
): { readonly reason: 'missing_field' | 'unknown_status'; readonly field: Key; readonly error: string } | null {
  const field = 'acct_status_type'
  if (fields.blank(STATUS_TYPE)) return { reason: 'missing_field', field, error: `${field} is missing` }
  const status = statusOf(fields)
  if (status === undefined) {
    const error = `${field} is none of Start, Interim-Update, Stop, Accounting-On, Accounting-Off`
    return { reason: 'unknown_status', field, error }
  }
  if (isOfNas(status)) {
    if (nasOf(fields) !== '') return null
    return {
      reason: 'missing_field',
      field: 'nas_identifier',
      error: 'nothing names the NAS: nas_identifier, nas_ip or site_ip_address',
    }
  }
  if (!fields.blank(UNIQUE_ID) || !fields.blank(SESSION_ID)) return null
  return {
    reason: 'missing_field',
    field: 'acct_session_id',
    error: 'acct_session_id and acct_unique_session_id are missing',
  }
}

function statusOf(fields: JsonFields): string | undefined {
  const text = fields.text(STATUS_TYPE).trim().toLowerCase()
  return Object.hasOwn(STATUS_TYPES, text) ? STATUS_TYPES[text] : undefined
}

function isOfNas(status: string): boolean {
  return status.startsWith('Accounting-')
}

/** A delay of more than this is none: no NAS tries for so long. */
const MAX_DELAY_SECONDS = 7 * 86_400

/**
 * Appends ACCOUNTING_FIELDS, which follow the identity.
 * @param at when it happened, by a sender who may say so; null: work it out from `now`
 * PRECONDITION: accountingProblem() is null
 */
export function encodeAccounting(
  cursor: Cursor,
  fields: JsonFields,
  sender: Sender,
  { at, now, userNames, stats }: AccountingContext,
): void {
  const status = statusOf(fields) as string
  const delay = number(fields, DELAY_TIME, stats)
  const delaySeconds = delay !== null && delay <= MAX_DELAY_SECONDS ? Number(delay) : 0
  cursor.uint(at ?? now - 1000 * delaySeconds)
  cursor.string(status)
  if (isOfNas(status)) cursor.emptyString()
  else if (fields.blank(UNIQUE_ID)) cursor.string(derivedId(fields))
  else putText(cursor, fields, UNIQUE_ID)
  putText(cursor, fields, SESSION_ID)
  putText(cursor, fields, slot('acct_multi_session_id'))
  putUsername(cursor, fields, USERNAME, userNames)
  putRealm(cursor, fields, USERNAME)
  putMac(cursor, fields, MAC)
  let ssid = ''
  if (putMac(cursor, fields, CALLED_STATION_ID)) {
    ssid = ssidAfter(fields, CALLED_STATION_ID)
    cursor.emptyString()
  } else putText(cursor, fields, CALLED_STATION_ID)
  cursor.string(ssid)
  putAddress(cursor, fields, SITE_IP)
  cursor.string(nasOf(fields))
  putText(cursor, fields, NAS_IDENTIFIER)
  cursor.string(firstAddress(fields, NAS_ADDRESSES))
  putText(cursor, fields, slot('nas_port_id'))
  putAddress(cursor, fields, slot('framed_ip_address'))
  cursor.string(firstAddress(fields, FRAMED_IPV6))
  putNumber(cursor, number(fields, slot('acct_session_time'), stats))
  putNumber(cursor, octets(fields, slot('acct_input_octets'), slot('acct_input_gigawords'), stats))
  putNumber(cursor, octets(fields, slot('acct_output_octets'), slot('acct_output_gigawords'), stats))
  putNumber(cursor, number(fields, slot('acct_input_packets'), stats))
  putNumber(cursor, number(fields, slot('acct_output_packets'), stats))
  putText(cursor, fields, slot('acct_terminate_cause'))
  putNumber(cursor, delay)
  putText(cursor, fields, slot('task_id'))
  cursor.string(sender.remoteIp)
  cursor.string(sender.source)
}

export interface AccountingContext {
  /** When it happened, ms since the epoch; null: not known. */
  readonly at: number | null
  readonly now: number
  readonly userNames: UserNameRule
  readonly stats: AccountingStats
}

/** What the sessions of a NAS and its restarts have in common. */
function nasOf(fields: JsonFields): string {
  if (!fields.blank(NAS_IDENTIFIER)) return fields.text(NAS_IDENTIFIER)
  return firstAddress(fields, [...NAS_ADDRESSES, SITE_IP])
}

/** The first of these that is sent, in its one spelling. */
function firstAddress(fields: JsonFields, slots: readonly number[]): string {
  const found = slots.find((each) => !fields.blank(each))
  if (found === undefined) return ''
  const text = fields.text(found)
  return canonicalIp(text) ?? text
}

/** As FreeRADIUS makes Acct-Unique-Session-Id: a NAS may use its ids again for others. */
function derivedId(fields: JsonFields): string {
  const parts = [nasOf(fields), fields.text(SESSION_ID), fields.text(USERNAME).toLowerCase(), fields.text(MAC)]
  return createHash('md5').update(JSON.stringify(parts)).digest('hex')
}

/** Null: not sent, or not a number. */
function number(fields: JsonFields, name: number, stats: AccountingStats): bigint | null {
  if (fields.blank(name)) return null
  const text = fields.text(name).trim()
  const value = parseUint64(text, 0, text.length)
  if (value === BIG) return uint64Value()
  if (value !== INVALID) return BigInt(value)
  stats.badNumbers++
  return null
}

const MAX_UINT64 = 2n ** 64n - 1n

/** RFC 2869: gigawords are how often the 32 bits of the octets went round. */
function octets(fields: JsonFields, low: number, high: number, stats: AccountingStats): bigint | null {
  const bytes = number(fields, low, stats)
  const gigawords = number(fields, high, stats)
  if (bytes === null) return null
  const sum = bytes + (gigawords ?? 0n) * 2n ** 32n
  if (sum <= MAX_UINT64) return sum
  stats.badNumbers++
  return null
}

function putNumber(cursor: Cursor, value: bigint | null): void {
  cursor.uint(value === null ? 0 : 1)
  if (value !== null) cursor.uint64(value)
}

/** Upper bound for the encoded size: each byte may become U+FFFD, and a name is there up to three times. */
export function accountingBytes(bodyLength: number): number {
  return 5 * bodyLength + 8192
}

const LIMITS = ACCOUNTING_KEYS.map((name) => ACCOUNTING_BYTES[name])

/** The first field that has more bytes than a RADIUS server sends; null: none has. */
export function overlongAccounting(fields: JsonFields): { field: string; error: string } | null {
  const found = fields.overlong(LIMITS)
  if (found < 0) return null
  const field = ACCOUNTING_KEYS[found]
  return { field, error: `${field} has more than ${LIMITS[found]} bytes` }
}
