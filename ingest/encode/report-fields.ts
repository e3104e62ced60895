import { canonicalIp } from '../../common/ip-address.ts'
import { findMac, findMacBytes, macEnd, writeMac } from '../../common/mac.ts'
import { firstCodePoints, GOVWIFI_CODE_POINTS, storedUserName, type UserNameRule } from '../../common/user-name.ts'
import { ABSENT, PLAIN, type JsonFields } from '../parse/json.ts'
import type { Cursor } from './cursor.ts'

/* Fields of what RADIUS servers report, from the values of a JSON object. `name` is the slot of a key. */

export function putText(cursor: Cursor, fields: JsonFields, name: number): void {
  const kind = fields.kinds[name]
  if (kind === ABSENT) cursor.emptyString()
  else if (kind === PLAIN) cursor.stringBytes(fields.bytes, fields.starts[name], fields.ends[name])
  else cursor.string(fields.text(name))
}

export function putCut(cursor: Cursor, fields: JsonFields, name: number, codePoints: number): void {
  if (fields.kinds[name] === PLAIN && fields.ends[name] - fields.starts[name] <= codePoints)
    putText(cursor, fields, name)
  else cursor.string(firstCodePoints(fields.text(name), codePoints))
}

/** As storedUserName(), without allocating a string for ASCII names. */
export function putUsername(cursor: Cursor, fields: JsonFields, name: number, rule: UserNameRule): void {
  const kind = fields.kinds[name]
  if (kind === ABSENT) return cursor.emptyString()
  if (kind !== PLAIN) return cursor.string(storedUserName(fields.text(name), rule))
  const start = fields.starts[name]
  const end = fields.ends[name]
  if (rule === 'as-sent') cursor.stringBytes(fields.bytes, start, end)
  else if (rule === 'lowercase') putAscii(cursor, fields.bytes, start, end, UPPER_A, 0x20)
  else putAscii(cursor, fields.bytes, start, Math.min(end, start + GOVWIFI_CODE_POINTS), LOWER_A, -0x20)
}

const UPPER_A = 0x41
const LOWER_A = 0x61

/** Writes ASCII with its letters of one case, which begin at `a`, moved to the other. */
function putAscii(cursor: Cursor, bytes: Uint8Array, start: number, end: number, a: number, move: number): void {
  cursor.uint(end - start)
  for (let index = start; index < end; index++) {
    const byte = bytes[index]
    cursor.byte(byte >= a && byte < a + 26 ? byte + move : byte)
  }
}

/** What follows the MAC that was just found in this field, without the separator between them. */
export function ssidAfter(fields: JsonFields, name: number): string {
  const plain = fields.kinds[name] === PLAIN
  const at = macEnd() - (plain ? fields.starts[name] : 0)
  if (plain && macEnd() === fields.ends[name]) return ''
  return fields
    .text(name)
    .slice(at)
    .replace(/^(?:%3A|[:;,.\-_/|@# ])/i, '')
}

/** An address in its one spelling; other text as it is. */
export function putAddress(cursor: Cursor, fields: JsonFields, name: number): void {
  const text = fields.text(name)
  cursor.string(text === '' ? '' : (canonicalIp(text) ?? text))
}

export function putRealm(cursor: Cursor, fields: JsonFields, name: number): void {
  if (fields.blank(name)) return cursor.emptyString()
  const user = fields.text(name)
  const at = user.lastIndexOf('@')
  if (at < 0) cursor.emptyString()
  else cursor.string(user.slice(at + 1).toLowerCase())
}

/** Writes the value's MAC in its normal form, or an empty string. @returns whether there was a MAC. */
export function putMac(cursor: Cursor, fields: JsonFields, name: number): boolean {
  const kind = fields.kinds[name]
  let found = false
  if (kind === PLAIN) found = findMacBytes(fields.bytes, fields.starts[name], fields.ends[name])
  else if (kind !== ABSENT) {
    const text = fields.text(name)
    found = findMac(text, 0, text.length)
  }
  if (!found) {
    cursor.emptyString()
    return false
  }
  cursor.byte(17 << 1)
  writeMac(cursor.bytes, cursor.position)
  cursor.position += 17
  return true
}
