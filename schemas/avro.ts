import avro from 'avsc'
import { releasedIn } from './released.ts'
import type { AvroType } from './avro-type.ts'
import { TIMESTAMP } from './streams/define.ts'
import { descriptorOf, STREAMS, type Stream } from './streams/index.ts'

/** What all readers and writers of one stream's records must agree on. */
export interface RecordSchema {
  readonly stream: Stream
  /** The avsc type: right for schemas, tests and tools; too slow for the hot path (about 3 us per record). */
  readonly type: avro.Type
  /** The schema as written into container headers, docs included. */
  readonly json: string
  /** MD5 of the parsing canonical form, 16 bytes: fingerprint of the schema and sync marker of its containers. */
  readonly fingerprint: Buffer
  readonly fields: readonly RecordField[]
  /** The version of Gatepost that introduced this schema, and can store it; null: unknown. */
  readonly since: string | null
}

export interface RecordField {
  readonly name: string
  readonly type: AvroType
  /** Names of this field in earlier versions. */
  readonly aliases?: readonly string[]
  readonly doc?: string
  readonly default?: unknown
}

/** Parses a schema. @throws Error: not an Avro schema, or not one of this stream's records */
export function parseSchema(stream: Stream, json: string, since: string | null): RecordSchema {
  const source = JSON.parse(json) as avro.Schema & { fields: RecordField[] }
  // 64-bit values beyond 2^53 would lose bits as JavaScript numbers.
  const type = avro.Type.forSchema(source, { registry: { long: bigintLong } })
  const name = `gatepost.${stream}`
  if (type.typeName !== 'record' || type.name !== name) throw new Error(`the schema is not that of the record ${name}`)
  return { stream, type, json, fingerprint: type.fingerprint('md5'), fields: source.fields, since }
}

/** The Avro schema with which this version writes a stream's records; schemas/avro/<stream>.avsc is a copy for other tools. */
export function avroSource(stream: Stream): object {
  const { name, doc, batchIdDoc = BATCH_ID_DOC, fields } = descriptorOf(stream)
  return {
    type: 'record',
    name,
    namespace: 'gatepost',
    doc,
    fields: [
      { name: 'received_at', type: TIMESTAMP, doc: "When Gatepost received the request, by the server's clock." },
      { name: 'batch_id', type: { type: 'fixed', name: 'batch_id', size: 16 }, doc: batchIdDoc },
      { name: 'batch_index', type: 'int', doc: "The record's place in its batch, from 0." },
      // `holds` is for internal use.
      ...fields.map((field) => ({ ...field, holds: undefined })),
    ],
  }
}

const BATCH_ID_DOC =
  "Identity of the batch: the producer's random 64-bit incarnation, then a 64-bit sequence, both big-endian."

function load(stream: Stream): RecordSchema {
  const schema = parseSchema(stream, JSON.stringify(avroSource(stream)), null)
  return { ...schema, since: releasedIn(stream, schema.fingerprint) }
}

/** Avro longs as BigInt, so that unsigned 64-bit counters survive tools and tests; times (timestamp-millis) stay numbers. */
const bigintLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(value)
    return buffer
  },
  fromJSON: (value: number | string) => BigInt(value),
  toJSON: (value: bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
})

const loaded = new Map<Stream, RecordSchema>(STREAMS.map((stream) => [stream, load(stream)]))

/** The schema with which this version writes a stream's records, from schemas/avro/. */
export function recordSchema(stream: Stream): RecordSchema {
  return loaded.get(stream) as RecordSchema
}
