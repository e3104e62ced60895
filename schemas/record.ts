import type { RecordSchema } from './avro.ts'
import { resolve } from './resolve.ts'

/** A record's fields under the names that they have in this version. */
export type DecodedRecord = Record<string, unknown>

/** A record of any schema that this version can store, with the fields that its writer knew. @throws Error: the bytes are no record */
export function decodeRecord(schema: RecordSchema, bytes: Uint8Array): DecodedRecord {
  const written = schema.type.fromBuffer(Buffer.from(bytes)) as Record<string, unknown>
  return Object.fromEntries(resolve(schema).fields.map(({ name, written: { name: old } }) => [name, written[old]]))
}

/** A record as a writer of this schema would have written it. @throws Error: a field is missing, or of another type */
export function encodeRecord(schema: RecordSchema, record: Readonly<DecodedRecord>): Buffer {
  const fields = resolve(schema).fields.map(({ name, written: { name: old } }) => [old, record[name]])
  return schema.type.toBuffer(Object.fromEntries(fields))
}
