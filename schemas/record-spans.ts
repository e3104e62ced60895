import type { RecordField, RecordSchema } from '../schemas/avro.ts'
import { isUnion, type AvroType } from './avro-type.ts'

/*
 * Where each record of a batch begins, found by skipping over its fields (Avro specification 1.11, "Binary Encoding"):
 *
 *   int, long = zigzag varint        boolean = 1 byte       double = 8 bytes      fixed = its size
 *   float     = 4 bytes           string  = long length, bytes   union   = long index, value
 *   map       = blocks of { long count (negative: then long byteSize), count x (string, value) }, ended by count 0
 *
 * The bytes may be damaged: nothing is read beyond their end, and no count is believed that they cannot hold.
 */

export interface RecordSpans {
  /** offsets[i] is where record i begins. There is one more offset than records: the end of the last one. */
  readonly offsets: readonly number[]
  /** Why the bytes after the last record are not a record; null: `recordCount` records were found and nothing follows. */
  readonly error: string | null
}

export function recordSpans(schema: RecordSchema, records: Uint8Array, recordCount: number): RecordSpans {
  const skipRecord = skipperFor(schema)
  const cursor = { bytes: records, position: 0 }
  const offsets = [0]
  try {
    while (offsets.length <= recordCount) {
      skipRecord(cursor)
      offsets.push(cursor.position)
    }
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error
    return { offsets, error: `record ${offsets.length - 1}: ${error.message}` }
  }
  const rest = records.byteLength - cursor.position
  return { offsets, error: rest === 0 ? null : `${rest} bytes behind the last of ${recordCount} records` }
}

interface Cursor {
  readonly bytes: Uint8Array
  position: number
}

type Skip = (cursor: Cursor) => void

class Undecodable extends Error {}

const skippers = new WeakMap<RecordSchema, Skip>()

function skipperFor(schema: RecordSchema): Skip {
  let skip = skippers.get(schema)
  if (skip === undefined) skippers.set(schema, (skip = skipperOf(schema.fields)))
  return skip
}

function skipperOf(fields: readonly RecordField[]): Skip {
  const skips = fields.map(({ type }) => skipperOfType(type))
  return (cursor) => {
    for (const skip of skips) skip(cursor)
  }
}

function skipperOfType(type: AvroType): Skip {
  if (isUnion(type)) {
    const branches = type.map(skipperOfType)
    return (cursor) => {
      const branch = branches[long(cursor)] as Skip | undefined
      if (branch === undefined) throw new Undecodable('a union has no such branch')
      branch(cursor)
    }
  }
  if (typeof type === 'string') return skipperOfType({ type })
  switch (type.type) {
    case 'null':
      return () => {}
    case 'boolean':
      return (cursor) => forward(cursor, 1)
    case 'int':
    case 'long':
      return (cursor) => void long(cursor)
    case 'float':
      return (cursor) => forward(cursor, 4)
    case 'double':
      return (cursor) => forward(cursor, 8)
    case 'string':
      return string
    case 'fixed':
      return (cursor) => forward(cursor, type.size ?? 0)
    case 'map':
      return map(skipperOfType(type.values ?? 'string'))
    default:
      throw new TypeError(`no way to skip Avro type ${type.type}`)
  }
}

function forward(cursor: Cursor, bytes: number): void {
  if (!(bytes >= 0 && bytes <= cursor.bytes.byteLength - cursor.position)) {
    throw new Undecodable('a value is longer than its batch')
  }
  cursor.position += bytes
}

/** Exact up to 2^53, which is beyond every length and count; larger values stay large. */
function long(cursor: Cursor): number {
  let value = 0
  let scale = 1
  for (let count = 0; count < 10; count++) {
    forward(cursor, 1)
    const byte = cursor.bytes[cursor.position - 1]
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    scale *= 128
  }
  throw new Undecodable('a number of more than 10 bytes')
}

function string(cursor: Cursor): void {
  forward(cursor, long(cursor))
}

function map(skipValue: Skip): Skip {
  return (cursor) => {
    for (;;) {
      let count = long(cursor)
      if (count === 0) return
      if (count < 0) {
        count = -count
        long(cursor)
      }
      // Every entry takes at least one byte, so a wrong count runs into the end of the batch.
      for (let entry = 0; entry < count; entry++) {
        string(cursor)
        skipValue(cursor)
      }
    }
  }
}
