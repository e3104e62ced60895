import type { Verdict } from '../../access/decisions.ts'
import type { FieldNames } from '../../schemas/streams/index.ts'
import { PARAMETER_CHARACTERS } from '../limits.ts'
import { QueryFields } from '../parse/query.ts'
import type { Cursor } from './cursor.ts'
import { putExtra, putMac, putOptionalUint64, putText } from './fields.ts'

export const AUTH_STAGE = 0
export const AUTH_GW_ID = 1
export const AUTH_IP = 2
export const AUTH_MAC = 3
export const AUTH_TOKEN = 4
export const AUTH_INCOMING = 5
export const AUTH_OUTGOING = 6
export const AUTH_INCOMING_DELTA = 7
export const AUTH_OUTGOING_DELTA = 8
/** apfree: the machine that reports, which may have several gateways. */
export const AUTH_DEVICE_ID = 9

/**
 * Parameters of an auth request. apfree 8.05 renamed incoming to incoming_bytes, and in the same release exchanged the directions: what its
 * nftables rules count from the client is incoming_bytes, and what they count to the client is outgoing_bytes.
 */
export function authFields(): QueryFields {
  const names: [string, number][] = [
    ['stage', AUTH_STAGE],
    ['gw_id', AUTH_GW_ID],
    ['device_id', AUTH_DEVICE_ID],
    ['ip', AUTH_IP],
    ['mac', AUTH_MAC],
    ['token', AUTH_TOKEN],
    ['incoming', AUTH_INCOMING],
    ['incoming_bytes', AUTH_OUTGOING],
    ['outgoing', AUTH_OUTGOING],
    ['outgoing_bytes', AUTH_INCOMING],
    ['incomingdelta', AUTH_INCOMING_DELTA],
    ['outgoingdelta', AUTH_OUTGOING_DELTA],
  ]
  const { stage, gw_id, ip, mac, token, number } = PARAMETER_CHARACTERS
  return new QueryFields([stage, gw_id, ip, mac, token, number, number, number, number, gw_id], names, AUTH_TOKEN)
}

/** The slot that names the gateway: gw_id wherever it is sent, else device_id. */
export function gatewaySlot(fields: QueryFields): number {
  return fields.blank(AUTH_GW_ID) && !fields.blank(AUTH_DEVICE_ID) ? AUTH_DEVICE_ID : AUTH_GW_ID
}

export const AUTH_FIELDS: FieldNames<'gateway_auth'> = [
  'stage',
  'gw_id',
  'ip',
  'mac',
  'session_id',
  'incoming',
  'outgoing',
  'incoming_delta',
  'outgoing_delta',
  'auth_code',
  'own',
  'remote_ip',
  'user_agent',
  'extra',
  'source',
  'device_id',
]

/** Appends AUTH_FIELDS, which follow the identity. The token itself is never written. */
export function encodeAuth(
  cursor: Cursor,
  fields: QueryFields,
  verdict: Verdict,
  remoteIp: string,
  userAgent: string,
): void {
  putText(cursor, fields, AUTH_STAGE)
  putText(cursor, fields, gatewaySlot(fields))
  putText(cursor, fields, AUTH_IP)
  putMac(cursor, fields, AUTH_MAC)
  cursor.string(verdict.sessionId)
  putOptionalUint64(cursor, fields, AUTH_INCOMING)
  putOptionalUint64(cursor, fields, AUTH_OUTGOING)
  putOptionalUint64(cursor, fields, AUTH_INCOMING_DELTA)
  putOptionalUint64(cursor, fields, AUTH_OUTGOING_DELTA)
  cursor.int(verdict.code)
  cursor.boolean(verdict.own)
  cursor.string(remoteIp)
  cursor.string(userAgent)
  putExtra(cursor, fields)
  // A gateway has no credential.
  cursor.emptyString()
  putText(cursor, fields, AUTH_DEVICE_ID)
}
