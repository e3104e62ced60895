import type { RecordSchema } from './avro.ts'
import { resolve } from './resolve.ts'

/** A record's fields, with the names of this version. */
export type DecodedRecord = Record<string, unknown>

/**
 * Decodes a record of any schema that this version can store; fields that the writer did not know are missing. @throws Error: not a record
 */
export function decodeRecord(schema: RecordSchema, bytes: Uint8Array): DecodedRecord {
  const written = schema.type.fromBuffer(Buffer.from(bytes)) as Record<string, unknown>
  return Object.fromEntries(resolve(schema).fields.map(({ name, written: { name: old } }) => [name, written[old]]))
}

/** Encodes a record as a writer of this schema would. @throws Error: a field is missing, or has the wrong type */
export function encodeRecord(schema: RecordSchema, record: Readonly<DecodedRecord>): Buffer {
  const fields = resolve(schema).fields.map(({ name, written: { name: old } }) => [old, record[name]])
  return schema.type.toBuffer(Object.fromEntries(fields))
}
