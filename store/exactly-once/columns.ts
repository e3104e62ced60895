import type { RecordSchema } from '../../schemas/avro.ts'
import { isUnion, type AvroType } from '../../schemas/avro-type.ts'
import { nullable, resolve } from '../../schemas/resolve.ts'

/** A column in an Avro file of records, and in their table. */
export interface RecordColumn {
  /** Name in the table. */
  readonly name: string
  /** Name in the file, which an earlier version may have chosen. */
  readonly written: string
  /** The type to request from the engine's Avro reader. */
  readonly read: string
  /** The expression to insert. */
  readonly expression: string
}

/** The columns for records of a schema, in its order; columns added by later versions get their defaults. */
export function recordColumns(schema: RecordSchema): RecordColumn[] {
  return resolve(schema).fields.map(({ name, written }) => ({
    name,
    written: written.name,
    read: readType(written.type),
    // The reader knows fixed(16) as FixedString only; a UUID's text form has the same bytes in the same order.
    expression: name === 'batch_id' ? 'toUUID(UUIDNumToString(batch_id))' : written.name,
  }))
}

/**
 * Longs are read as Int64, and the insert casts them to UInt64 columns bit by bit: this is how unsigned 64-bit counters are transported.
 * received_at is in milliseconds, UTC, in both.
 */
function readType(type: AvroType): string {
  const value = nullable(type)
  if (value !== null) return `Nullable(${readType(value)})`
  if (isUnion(type)) throw new TypeError(`no column type for the union ${JSON.stringify(type)}`)
  const {
    type: name,
    logicalType,
    size,
    values,
  } = typeof type === 'string'
    ? ({ type } as { type: string; logicalType?: string; size?: number; values?: AvroType })
    : type
  if (name === 'long') return logicalType === 'timestamp-millis' ? "DateTime64(3, 'UTC')" : 'Int64'
  if (name === 'fixed' && size !== undefined) return `FixedString(${size})`
  if (name === 'map' && values !== undefined) return `Map(String, ${readType(values)})`
  const plain = PLAIN[name]
  if (plain === undefined) throw new TypeError(`no column type for Avro type ${JSON.stringify(type)}`)
  return plain
}

const PLAIN: Record<string, string | undefined> = {
  string: 'String',
  int: 'Int32',
  float: 'Float32',
  double: 'Float64',
  boolean: 'UInt8',
}
