import type { RecordSchema } from '../../schemas/avro.ts'
import { isUnion, type AvroType } from '../../schemas/avro-type.ts'
import { nullable, resolve } from '../../schemas/resolve.ts'

/** One column of an Avro file of records, and of their table. */
export interface RecordColumn {
  /** In the table. */
  readonly name: string
  /** In the file: an earlier version may have called it otherwise. */
  readonly written: string
  /** The type the engine's Avro reader is asked for. */
  readonly read: string
  /** What goes into the table. */
  readonly expression: string
}

/** The columns that records of a schema have, in its order; what later versions added gets the defaults of their columns. */
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
 * Longs are read as Int64: the insert casts them to UInt64 columns bit by bit, which is how unsigned 64-bit counters
 * travel. received_at is milliseconds in UTC in both.
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
