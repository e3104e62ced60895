import { BIG, parseDecimal, parseUint64, uint64Value } from '../parse/number.ts'
import { findMac, writeMac } from '../../common/mac.ts'
import type { QueryFields } from '../parse/query.ts'
import type { Cursor } from './cursor.ts'

/* Encode parameters of a query as fields of a record. */

/** A string; empty if the parameter was not sent. */
export function putText(cursor: Cursor, fields: QueryFields, slot: number): void {
  if (fields.starts[slot] < 0) cursor.emptyString()
  else cursor.slice(fields.texts[slot], fields.starts[slot], fields.ends[slot])
}

/** An unsigned 64-bit integer as a long. Returns false and writes nothing if the value is not one. */
export function putUint64(cursor: Cursor, fields: QueryFields, slot: number): boolean {
  if (fields.starts[slot] < 0) return false
  const value = parseUint64(fields.texts[slot], fields.starts[slot], fields.ends[slot])
  if (value >= 0) cursor.uint(value)
  else if (value === BIG) cursor.uint64(uint64Value())
  else return false
  return true
}

const NULL_BRANCH = 0
/** Zigzag of 1. */
const VALUE_BRANCH = 2

/** ["null", "long"]: null if the parameter was not sent or is not an unsigned 64-bit integer. */
export function putOptionalUint64(cursor: Cursor, fields: QueryFields, slot: number): void {
  const start = cursor.position
  cursor.byte(VALUE_BRANCH)
  if (putUint64(cursor, fields, slot)) return
  cursor.position = start
  cursor.byte(NULL_BRANCH)
}

/** ["null", "double"]: null if the parameter was not sent or is not a decimal number. */
export function putOptionalDecimal(cursor: Cursor, fields: QueryFields, slot: number): void {
  const value = fields.blank(slot) ? NaN : parseDecimal(fields.texts[slot], fields.starts[slot], fields.ends[slot])
  if (Number.isNaN(value)) {
    cursor.byte(NULL_BRANCH)
    return
  }
  cursor.byte(VALUE_BRANCH)
  cursor.double(value)
}

/** A MAC in its normal form; empty if the value does not begin with one. */
export function putMac(cursor: Cursor, fields: QueryFields, slot: number): void {
  if (fields.starts[slot] < 0 || !findMac(fields.texts[slot], fields.starts[slot], fields.ends[slot])) {
    cursor.emptyString()
    return
  }
  cursor.byte(17 << 1)
  writeMac(cursor.bytes, cursor.position)
  cursor.position += 17
}

/** map<string> of the parameters without a field of their own; if a name occurs several times, the last one wins. */
export function putExtra(cursor: Cursor, fields: QueryFields): void {
  if (fields.extras > 0) {
    const names = fields.extras > 1 ? lastOfEachName(fields) : [0]
    cursor.uint(names.length)
    for (const index of names) {
      const at = index * 2
      cursor.slice(fields.extraTexts[at], fields.extraStarts[at], fields.extraEnds[at])
      cursor.slice(fields.extraTexts[at + 1], fields.extraStarts[at + 1], fields.extraEnds[at + 1])
    }
  }
  cursor.uint(0)
}

function lastOfEachName(fields: QueryFields): number[] {
  const last = new Map<string, number>()
  for (let index = 0; index < fields.extras; index++) {
    const at = index * 2
    last.set(fields.extraTexts[at].slice(fields.extraStarts[at], fields.extraEnds[at]), index)
  }
  return [...last.values()]
}
