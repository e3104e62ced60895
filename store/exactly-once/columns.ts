import { recordSchema } from '../../schemas/avro.ts'
import type { Topic } from '../../schemas/topics.ts'

/** One column of an Avro file of records, and of their table. */
export interface RecordColumn {
  readonly name: string
  /** The type the engine's Avro reader is asked for. */
  readonly read: string
  /** What goes into the table. */
  readonly expression: string
}

type AvroType = string | AvroType[] | { type: string; logicalType?: string; size?: number; values?: string }

/** The columns of a stream's records, in the order of its Avro schema. */
export function recordColumns(topic: Topic): RecordColumn[] {
  const schema = JSON.parse(recordSchema(topic).json) as { fields: { name: string; type: AvroType }[] }
  return schema.fields.map(({ name, type }) => ({
    name,
    read: readType(type),
    // The reader knows fixed(16) as FixedString only; a UUID's text form has the same bytes in the same order.
    expression: name === 'batch_id' ? 'toUUID(UUIDNumToString(batch_id))' : name,
  }))
}

/**
 * Longs are read as Int64: the insert casts them to UInt64 columns bit by bit, which is how unsigned 64-bit counters
 * travel. received_at is milliseconds in UTC in both.
 */
function readType(type: AvroType): string {
  if (Array.isArray(type)) {
    const [value] = type.filter((branch) => branch !== 'null')
    return `Nullable(${readType(value)})`
  }
  const { type: name, logicalType, size, values } = typeof type === 'string' ? { type } : type
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
  double: 'Float64',
  boolean: 'UInt8',
}
