import { messageOf } from '../../common/errors.ts'

/*
 * A report of a RADIUS server comes as JSON of the field names, as a form of them, or as rlm_rest itself writes a list of attributes: JSON
 * `{"User-Name":{"type":"string","value":["bob"]}}`, or a form `User-Name=bob`. What is not JSON of plain values becomes it here.
 */

/** The fields that an attribute of a RADIUS server fills, as FreeRADIUS's dictionaries spell it. */
const FIELD_OF_ATTRIBUTE: Readonly<Record<string, string>> = {
  'User-Name': 'username',
  'Calling-Station-Id': 'mac',
  'Called-Station-Id': 'called_station_id',
  'Packet-Src-IP-Address': 'site_ip_address',
  'Packet-Src-IPv6-Address': 'site_ip_address',
  'NAS-Identifier': 'nas_identifier',
  'NAS-IP-Address': 'nas_ip',
  'NAS-IPv6-Address': 'nas_ip',
  'NAS-Port-Id': 'nas_port_id',
  'Reply-Message': 'authentication_reply',
  'EAP-Type': 'eap_type',
  'TLS-Client-Cert-Common-Name': 'cert_name',
  'TLS-Client-Cert-Serial': 'cert_serial',
  'TLS-Client-Cert-Subject': 'cert_subject',
  'TLS-Client-Cert-Issuer': 'cert_issuer',
  'Event-Timestamp': 'event_timestamp',
}

/** The field that a parameter or an attribute fills: names of attributes have capitals and hyphens. */
function fieldOf(name: string): string {
  if (Object.hasOwn(FIELD_OF_ATTRIBUTE, name)) return FIELD_OF_ATTRIBUTE[name]
  return name.includes('-') ? name.toLowerCase().replaceAll('-', '_') : name
}

/** More parameters of a form or a query are not looked at. */
const MAX_PARAMETERS = 256

/** Whether a body that is said to be a form is one: curl says so of everything. */
export function isForm(body: Uint8Array): boolean {
  const first = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, 256)).toString('latin1')
  return /^[A-Za-z0-9_.-]+=/.test(first)
}

export interface ReportBody {
  /** A JSON object of text. */
  readonly json: Buffer
  /** A field whose value is several, or none that is text: it must not be stored as if it were empty. */
  readonly wrong: { readonly field: string; readonly error: string } | null
}

/** @param query what the body does not say: an attribute list has no result */
export function formReport(body: Uint8Array, query: string, fields: readonly string[]): ReportBody {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8')
  return report(parameters(text), query, fields)
}

/**
 * @param body an object, by JsonFields.parse()
 * @throws SyntaxError: the body is not JSON
 */
export function listReport(body: Uint8Array, query: string, fields: readonly string[]): ReportBody {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8')
  return report(Object.entries(JSON.parse(text.replace(/^\ufeff/, '')) as Record<string, unknown>), query, fields)
}

function parameters(text: string): [string, unknown][] {
  const found: [string, unknown][] = []
  for (const entry of new URLSearchParams(text)) {
    if (found.length === MAX_PARAMETERS) break
    found.push(entry)
  }
  return found
}

function report(entries: readonly [string, unknown][], query: string, fields: readonly string[]): ReportBody {
  const known = new Map<string, unknown>()
  let wrong: ReportBody['wrong'] = null
  const take = (name: string, value: unknown) => {
    const field = fieldOf(name)
    if (!fields.includes(field)) return
    try {
      const text = textOf(value)
      if (text !== null) known.set(field, text)
    } catch (error) {
      wrong ??= { field, error: `${field} ${messageOf(error)}` }
    }
  }
  for (const [name, value] of parameters(query)) take(name, value)
  for (const [name, value] of entries) take(name, value)
  return { json: Buffer.from(JSON.stringify(Object.fromEntries(known))), wrong }
}

/** @throws Error: what the value is instead of one text */
function textOf(value: unknown): string | number | boolean | null {
  if (typeof value !== 'object' || value === null) return value as string | number | boolean | null
  if (!Array.isArray(value)) {
    if (!Object.hasOwn(value, 'value')) throw new Error('is an object without a value')
    return textOf((value as { value: unknown }).value)
  }
  if (value.length > 1) throw new Error(`has ${value.length} values instead of one`)
  const only: unknown = value[0] ?? null
  if (typeof only === 'object' && only !== null) throw new Error('is a list of lists or objects')
  return only as string | number | boolean | null
}
