import type { FieldNames } from '../../schemas/streams/index.ts'
import { POST_AUTH_BYTES } from '../limits.ts'
import type { JsonFields } from '../parse/json.ts'
import { ABSENT, OTHER, PLAIN } from '../parse/json.ts'
import { DEFAULT_USER_NAME_RULE, type UserNameRule } from '../../common/user-name.ts'
import type { Cursor } from './cursor.ts'
import { putAddress, putCut, putMac, putRealm, putText, putUsername, ssidAfter } from './report-fields.ts'

export const POST_AUTH_KEYS = [
  'username',
  'mac',
  'called_station_id',
  'site_ip_address',
  'cert_name',
  'authentication_result',
  'authentication_reply',
  'task_id',
  'cert_serial',
  'cert_subject',
  'cert_issuer',
  'eap_type',
  'nas_identifier',
  'nas_ip',
  'nas_port_id',
  'event_timestamp',
  'report_id',
] as const

const slot = (name: (typeof POST_AUTH_KEYS)[number]) => POST_AUTH_KEYS.indexOf(name)
const USERNAME = slot('username')
const MAC = slot('mac')
const CALLED_STATION_ID = slot('called_station_id')
const SITE_IP = slot('site_ip_address')
const CERT_NAME = slot('cert_name')
export const AUTHENTICATION_RESULT = slot('authentication_result')
const AUTHENTICATION_REPLY = slot('authentication_reply')
const TASK_ID = slot('task_id')
const CERT_SERIAL = slot('cert_serial')
const CERT_SUBJECT = slot('cert_subject')
const CERT_ISSUER = slot('cert_issuer')
const EAP_TYPE = slot('eap_type')
const NAS_IDENTIFIER = slot('nas_identifier')
const NAS_IP = slot('nas_ip')
const NAS_PORT_ID = slot('nas_port_id')
export const EVENT_TIMESTAMP = slot('event_timestamp')
export const REPORT_ID = slot('report_id')

const ACCESS_ACCEPT = Buffer.from('Access-Accept')
const SSL_USERNAME_CODE_POINTS = 254

/** Who sent a record. */
export interface Sender {
  /** At most 45 characters. */
  readonly remoteIp: string
  /** The name of the credential, at most 64 characters; empty: none. */
  readonly source: string
}

export interface PostAuthStats {
  /** Logins with an unknown eap_type, which are stored as MSCHAP. */
  unknownEapTypes: number
  /** Reports of probes, which are answered and not stored. */
  healthChecks: number
  /** Logins encoded, by outcome. */
  readonly logins: { accepted: number; refused: number }
  /** Times of logins that were not believed, by reason; the login has the time of its report. */
  readonly timesNotUsed: { unproven: number; unreadable: number; ahead: number }
}

export function newPostAuthStats(): PostAuthStats {
  return {
    unknownEapTypes: 0,
    healthChecks: 0,
    logins: { accepted: 0, refused: 0 },
    timesNotUsed: { unproven: 0, unreadable: 0, ahead: 0 },
  }
}

export const POST_AUTH_FIELDS: FieldNames<'post_auth'> = [
  'username',
  'ssl_username',
  'mac',
  'ap',
  'building_identifier',
  'site_ip',
  'success',
  'authentication_result',
  'authentication_reply',
  'task_id',
  'cert_name',
  'cert_serial',
  'cert_subject',
  'cert_issuer',
  'eap_type',
  'remote_ip',
  'source',
  'ssid',
  'nas_identifier',
  'nas_ip',
  'nas_port_id',
  'realm',
  'auth_method',
]

/** Whole names, case included, of users whose reports are answered and make no record. */
export const DEFAULT_PROBES: ReadonlySet<string> = new Set(['HEALTH'])

/** What an installation decides about users. */
export interface UserRules {
  readonly probes: ReadonlySet<string>
  readonly userNames: UserNameRule
}

export const DEFAULT_USER_RULES: UserRules = { probes: DEFAULT_PROBES, userNames: DEFAULT_USER_NAME_RULE }

/**
 * Appends POST_AUTH_FIELDS, which follow the identity, by the rules of the GovWifi logging API.
 *
 * @returns false for a probe, whose record must not be stored.
 */
export function encodePostAuth(
  cursor: Cursor,
  fields: JsonFields,
  sender: Sender,
  stats: PostAuthStats,
  rules: UserRules = DEFAULT_USER_RULES,
): boolean {
  const certificate = isCertificateLogin(fields, stats)
  if (certificate) {
    cursor.emptyString()
    putCut(cursor, fields, USERNAME, SSL_USERNAME_CODE_POINTS)
  } else {
    if (isProbe(fields, rules.probes)) {
      stats.healthChecks++
      return false
    }
    putUsername(cursor, fields, USERNAME, rules.userNames)
    cursor.emptyString()
  }
  putMac(cursor, fields, MAC)
  let ssid = ''
  if (putMac(cursor, fields, CALLED_STATION_ID)) {
    ssid = ssidAfter(fields, CALLED_STATION_ID)
    cursor.emptyString()
  } else putText(cursor, fields, CALLED_STATION_ID)
  putAddress(cursor, fields, SITE_IP)
  const accepted = isAccept(fields)
  stats.logins[accepted ? 'accepted' : 'refused']++
  cursor.boolean(accepted)
  putText(cursor, fields, AUTHENTICATION_RESULT)
  putText(cursor, fields, AUTHENTICATION_REPLY)
  putText(cursor, fields, TASK_ID)
  for (const name of [CERT_NAME, CERT_SERIAL, CERT_SUBJECT, CERT_ISSUER]) {
    if (certificate) putText(cursor, fields, name)
    else cursor.emptyString()
  }
  cursor.string(certificate ? 'EAP-TLS' : 'MSCHAP')
  cursor.string(sender.remoteIp)
  cursor.string(sender.source)
  cursor.string(ssid)
  putText(cursor, fields, NAS_IDENTIFIER)
  putAddress(cursor, fields, NAS_IP)
  putText(cursor, fields, NAS_PORT_ID)
  putRealm(cursor, fields, USERNAME)
  putText(cursor, fields, EAP_TYPE)
  return true
}

/** Decided by eap_type; without one, by whether a certificate is named. */
function isCertificateLogin(fields: JsonFields, stats: PostAuthStats): boolean {
  if (fields.blank(EAP_TYPE)) return !fields.blank(CERT_NAME) && fields.text(CERT_NAME).trim() !== ''
  // Method, or method/method inside its tunnel.
  const method = fields.text(EAP_TYPE).toUpperCase().split('/', 1)[0]
  if (method === 'TLS' || method === 'NAK') return true
  if (!METHODS.has(method)) stats.unknownEapTypes++
  return false
}

/** Methods of users: by their names in FreeRADIUS's dictionary (EAP-Type), and without EAP (Auth-Type). */
const METHODS: ReadonlySet<string> = new Set(
  'PEAP TTLS TEAP FAST EAP-FAST MSCHAPV2 MD5 MD5-CHALLENGE GTC PWD LEAP SIM AKA AKA-PRIME PAP CHAP MS-CHAP MSCHAP'.split(
    ' ',
  ),
)

function isProbe(fields: JsonFields, probes: ReadonlySet<string>): boolean {
  return fields.kinds[USERNAME] !== ABSENT && probes.has(fields.text(USERNAME))
}

function isAccept(fields: JsonFields): boolean {
  const start = fields.starts[AUTHENTICATION_RESULT]
  const kind = fields.kinds[AUTHENTICATION_RESULT]
  if (kind === OTHER) return false
  if (kind !== PLAIN) return fields.text(AUTHENTICATION_RESULT) === 'Access-Accept'
  if (fields.ends[AUTHENTICATION_RESULT] - start !== ACCESS_ACCEPT.length) return false
  for (let index = 0; index < ACCESS_ACCEPT.length; index++)
    if (fields.bytes[start + index] !== ACCESS_ACCEPT[index]) return false
  return true
}

/** Upper bound for the encoded size: each byte may become U+FFFD, some letters grow in upper case, and the realm repeats a part of the name. */
export function postAuthBytes(bodyLength: number): number {
  return 3 * bodyLength + 8192
}

/** Bytes that the JSON text of each field may have. */
const LIMITS = POST_AUTH_KEYS.map((name) => POST_AUTH_BYTES[name])

/** What is wrong with a report that has a field of more bytes than a RADIUS server sends; null: none. */
export function overlongField(fields: JsonFields): { field: string; error: string } | null {
  const slot = fields.overlong(LIMITS)
  if (slot < 0) return null
  const field = POST_AUTH_KEYS[slot]
  return { field, error: `${field} has more than ${LIMITS[slot]} bytes` }
}
