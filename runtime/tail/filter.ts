import { normalMac } from '../../common/mac.ts'
import type { DecodedRecord } from '../../schemas/record.ts'
import { fieldsHolding, type Stream } from '../../schemas/streams/index.ts'

/** What a record has to match; each that is set. */
export interface TailFilter {
  /** As it is stored, whatever its case. */
  readonly user?: string
  readonly mac?: string
  /** Id, MAC, address or name of the gateway, access point or NAS. */
  readonly gateway?: string
  /** What came of it: Access-Reject, login, Stop. */
  readonly result?: string
}

/** The streams that can be followed, by the word of the command. */
export const TAILED = {
  pings: { stream: 'gateway_pings', gateway: ['gw_id', 'device_id', 'remote_ip'], result: [] },
  auth: { stream: 'gateway_auth', gateway: ['gw_id', 'device_id', 'remote_ip'], result: ['stage', 'auth_code'] },
  'post-auth': {
    stream: 'post_auth',
    gateway: ['ap', 'building_identifier', 'site_ip', 'nas_identifier', 'nas_ip'],
    result: ['authentication_result'],
  },
  accounting: {
    stream: 'radius_accounting',
    gateway: ['nas', 'ap', 'building_identifier', 'site_ip', 'nas_identifier', 'nas_ip'],
    result: ['status_type', 'terminate_cause'],
  },
} as const satisfies Record<
  string,
  { readonly stream: Stream; readonly gateway: readonly string[]; readonly result: readonly string[] }
>

export type TailedName = keyof typeof TAILED

/** @returns whether a record matches */
export function matcher(
  name: TailedName,
  { user, mac, gateway, result }: TailFilter,
): (record: DecodedRecord) => boolean {
  const { stream, gateway: gatewayFields, result: resultFields } = TAILED[name]
  const conditions: ((record: DecodedRecord) => boolean)[] = []
  const oneOf = (fields: readonly string[], wanted: string | undefined, form: (text: string) => string) => {
    if (wanted === undefined) return
    const value = form(wanted)
    conditions.push((record) => fields.some((field) => form(textOf(record[field])) === value))
  }
  const lower = (text: string) => text.toLowerCase()
  oneOf(fieldsHolding(stream, 'user'), user, lower)
  oneOf(fieldsHolding(stream, 'mac'), mac, (text) => normalMac(text))
  oneOf(gatewayFields, gateway, (text) => normalMac(text) || lower(text))
  oneOf(resultFields, result, lower)
  return (record) => conditions.every((holds) => holds(record))
}

export function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : `${value as bigint}`
}
