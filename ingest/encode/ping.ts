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

/** Linux gives load averages as integers in this unit (sysinfo(2)). */
const LOAD_UNIT = 65_536
/** sysinfo(2) counts free memory in pages of at least this many bytes. */
const PAGE_BYTES = 4096

/**
 * wifidog-ng sends what sysinfo(2) and ubus return: the load as an integer in units of 1/65,536, and free memory in bytes. Its heartbeats (files
 * heartbeat.c of 1.0 to 1.5 and heartbeat.lua of 2) name neither program nor version, but always have all four numbers, a load without a point, and
 * whole pages of memory. Other gateways print the load with decimals; of those that do not, only 1 in 1,024 has KiB that look like pages.
 */
function isInUnitsOfSysinfo(fields: QueryFields): boolean {
  const [uptime, memory, load, program] = NUMBERS.map(([, slot]) => integer(fields, slot))
  return uptime >= 0 && memory > 0 && memory % PAGE_BYTES === 0 && load >= 0 && program >= 0
}

function integer(fields: QueryFields, slot: number): number {
  return fields.has(slot) ? parseUint64(fields.texts[slot], fields.starts[slot], fields.ends[slot]) : INVALID
}

/** The columns hold KiB and a load average; the extra parameters what was sent. */
function convertUnits(fields: QueryFields): void {
  const memory = integer(fields, PING_SYS_MEMFREE)
  const load = integer(fields, PING_SYS_LOAD)
  fields.demote(PING_SYS_MEMFREE, 'sys_memfree')
  fields.demote(PING_SYS_LOAD, 'sys_load')
  fields.replace(PING_SYS_MEMFREE, String(memory / 1024))
  fields.replace(PING_SYS_LOAD, String(load / LOAD_UNIT))
}

/**
 * Moves what has no column of its own to the extra parameters: numbers that are none, numbers in other units than their column, and a serial
 * number beside another name.
 * @returns what is wrong with the first bad number; null: nothing is
 */
export function demoteOthers(fields: QueryFields): string | null {
  if (isInUnitsOfSysinfo(fields)) convertUnits(fields)
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
