import type { FieldNames } from '../../schemas/streams/index.ts'
import { PARAMETER_CHARACTERS } from '../limits.ts'
import { parseDecimal } from '../parse/number.ts'
import { QueryFields } from '../parse/query.ts'
import type { Cursor } from './cursor.ts'
import { putExtra, putText, putUint64 } from './fields.ts'

export const PING_GW_ID = 0
export const PING_SYS_UPTIME = 1
export const PING_SYS_MEMFREE = 2
export const PING_SYS_LOAD = 3
export const PING_WIFIDOG_UPTIME = 4

export const PING_NAMES = ['gw_id', 'sys_uptime', 'sys_memfree', 'sys_load', 'wifidog_uptime'] as const

/** Parameters of a heartbeat; apfree 8 calls gw_id device_id. */
export function pingFields(): QueryFields {
  const { gw_id, number } = PARAMETER_CHARACTERS
  return new QueryFields(
    [gw_id, number, number, number, number],
    [
      ['gw_id', PING_GW_ID],
      ['device_id', PING_GW_ID],
      ['sys_uptime', PING_SYS_UPTIME],
      ['sys_memfree', PING_SYS_MEMFREE],
      ['sys_load', PING_SYS_LOAD],
      ['wifidog_uptime', PING_WIFIDOG_UPTIME],
    ],
  )
}

export const PING_FIELDS: FieldNames<'gateway_pings'> = [
  'gw_id',
  'sys_uptime',
  'sys_memfree',
  'sys_load',
  'wifidog_uptime',
  'remote_ip',
  'user_agent',
  'trusted',
  'extra',
  'source',
]

/**
 * Appends PING_FIELDS, which follow the identity.
 *
 * @returns the slot of the first field that is missing or not a number, in which case the record is incomplete; otherwise -1.
 */
export function encodePing(
  cursor: Cursor,
  fields: QueryFields,
  remoteIp: string,
  userAgent: string,
  trusted: boolean,
): number {
  putText(cursor, fields, PING_GW_ID)
  if (!putUint64(cursor, fields, PING_SYS_UPTIME)) return PING_SYS_UPTIME
  if (!putUint64(cursor, fields, PING_SYS_MEMFREE)) return PING_SYS_MEMFREE
  if (fields.blank(PING_SYS_LOAD)) return PING_SYS_LOAD
  const load = parseDecimal(fields.texts[PING_SYS_LOAD], fields.starts[PING_SYS_LOAD], fields.ends[PING_SYS_LOAD])
  if (Number.isNaN(load)) return PING_SYS_LOAD
  cursor.double(load)
  if (!putUint64(cursor, fields, PING_WIFIDOG_UPTIME)) return PING_WIFIDOG_UPTIME
  cursor.string(remoteIp)
  cursor.string(userAgent)
  cursor.boolean(trusted)
  putExtra(cursor, fields)
  // A gateway has no credential.
  cursor.emptyString()
  return -1
}
