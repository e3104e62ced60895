import type { FieldNames } from '../../schemas/streams/index.ts'
import { PARAMETER_CHARACTERS } from '../limits.ts'
import { INVALID, parseDecimal, parseUint64 } from '../parse/number.ts'
import { QueryFields } from '../parse/query.ts'
import type { Cursor } from './cursor.ts'
import { putExtra, putOptionalDecimal, putOptionalUint64, putText } from './fields.ts'

export const PING_GW_ID = 0
export const PING_SYS_UPTIME = 1
export const PING_SYS_MEMFREE = 2
export const PING_SYS_LOAD = 3
export const PING_WIFIDOG_UPTIME = 4
/** apfree 7.10 and later: the machine, which may have several gateways. */
export const PING_DEVICE_ID = 5
/** Ruijie and Reyee: the serial number. */
export const PING_GW_SN = 6

/** Parameters of a heartbeat. */
export function pingFields(): QueryFields {
  const { gw_id, number } = PARAMETER_CHARACTERS
  return new QueryFields(
    [gw_id, number, number, number, number, gw_id, gw_id],
    [
      ['gw_id', PING_GW_ID],
      ['sys_uptime', PING_SYS_UPTIME],
      ['sys_memfree', PING_SYS_MEMFREE],
      ['sys_load', PING_SYS_LOAD],
      ['wifidog_uptime', PING_WIFIDOG_UPTIME],
      ['device_id', PING_DEVICE_ID],
      ['gw_sn', PING_GW_SN],
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
  'device_id',
]

/** The gateway as the heartbeat names it: gw_id, else the machine, else its serial number; empty: it names none. */
export function gatewayOf(fields: QueryFields): string {
  const slot = [PING_GW_ID, PING_DEVICE_ID, PING_GW_SN].find((each) => !fields.blank(each))
  return slot === undefined ? '' : fields.text(slot)
}

const NUMBERS = [
  ['sys_uptime', PING_SYS_UPTIME],
  ['sys_memfree', PING_SYS_MEMFREE],
  ['sys_load', PING_SYS_LOAD],
  ['wifidog_uptime', PING_WIFIDOG_UPTIME],
] as const

/**
 * Moves what has no column of its own to the extra parameters: numbers that are none, and a serial number beside another name.
 * @returns what is wrong with the first bad number; null: nothing is
 */
export function demoteOthers(fields: QueryFields): string | null {
  let problem: string | null = null
  for (const [name, slot] of NUMBERS) {
    if (fields.blank(slot)) continue
    const text = fields.texts[slot]
    const valid =
      slot === PING_SYS_LOAD
        ? !Number.isNaN(parseDecimal(text, fields.starts[slot], fields.ends[slot]))
        : parseUint64(text, fields.starts[slot], fields.ends[slot]) !== INVALID
    if (valid) continue
    fields.demote(slot, name)
    problem ??= `${name} is not a number in its range`
  }
  if (!fields.blank(PING_GW_ID) || !fields.blank(PING_DEVICE_ID)) fields.demote(PING_GW_SN, 'gw_sn')
  return problem
}

/** What a heartbeat's record holds beside its parameters. */
export interface HeartbeatOf {
  readonly gwId: string
  readonly remoteIp: string
  readonly userAgent: string
  readonly trusted: boolean
}

/** Appends PING_FIELDS, which follow the identity. PRECONDITION: demoteOthers() was called. */
export function encodePing(cursor: Cursor, fields: QueryFields, of: HeartbeatOf): void {
  cursor.string(of.gwId)
  putOptionalUint64(cursor, fields, PING_SYS_UPTIME)
  putOptionalUint64(cursor, fields, PING_SYS_MEMFREE)
  putOptionalDecimal(cursor, fields, PING_SYS_LOAD)
  putOptionalUint64(cursor, fields, PING_WIFIDOG_UPTIME)
  cursor.string(of.remoteIp)
  cursor.string(of.userAgent)
  cursor.boolean(of.trusted)
  putExtra(cursor, fields)
  // A gateway has no credential.
  cursor.emptyString()
  putText(cursor, fields, PING_DEVICE_ID)
}
