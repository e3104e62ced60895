import type { FieldNames } from '../../schemas/streams/index.ts'
import type { Cursor } from './cursor.ts'

/** Describes a token that the portal issued, without the token itself. Times are ms since the epoch. */
export interface PortalSessionRecord {
  readonly issued: number
  readonly sessionId: string
  readonly gwId: string
  /** In its normal form; empty: unknown. */
  readonly mac: string
  readonly ip: string
  readonly account: string
  readonly method: string
  readonly termsVersion: string
  readonly useBy: number
  readonly ends: number
  readonly confirmBy: number | null
  /** Address the request came from. */
  readonly remoteIp: string
}

const NULL_BRANCH = 0
/** Zigzag of 1. */
const LONG_BRANCH = 2

export const PORTAL_SESSION_FIELDS: FieldNames<'portal_sessions'> = [
  'issued',
  'session_id',
  'gw_id',
  'mac',
  'ip',
  'account',
  'method',
  'terms_version',
  'use_by',
  'ends',
  'confirm_by',
  'remote_ip',
  'source',
]

/** Appends PORTAL_SESSION_FIELDS, which follow the identity. */
export function encodePortalSession(cursor: Cursor, record: PortalSessionRecord): void {
  cursor.uint(record.issued)
  cursor.string(record.sessionId)
  cursor.string(record.gwId)
  cursor.string(record.mac)
  cursor.string(record.ip)
  cursor.string(record.account)
  cursor.string(record.method)
  cursor.string(record.termsVersion)
  cursor.uint(record.useBy)
  cursor.uint(record.ends)
  if (record.confirmBy === null) cursor.byte(NULL_BRANCH)
  else {
    cursor.byte(LONG_BRANCH)
    cursor.uint(record.confirmBy)
  }
  cursor.string(record.remoteIp)
  // A browser has no credential.
  cursor.emptyString()
}

/** Upper bound for the encoded size. */
export function portalSessionBytes(record: PortalSessionRecord): number {
  const { sessionId, gwId, mac, ip, account, method, termsVersion, remoteIp } = record
  const texts = [sessionId, gwId, mac, ip, account, method, termsVersion, remoteIp]
  return 128 + 3 * texts.reduce((characters, text) => characters + text.length, 0)
}
