import { readFileSync } from 'node:fs'
import avro from 'avsc'
import { packageFile } from '../common/package-root.ts'
import { TOPICS, type Topic } from './topics.ts'

/** What everything that reads or writes records of one stream must agree on. */
export interface RecordSchema {
  readonly topic: Topic
  /** The avsc type: right for tests and tools, too slow for the hot path (about 3 us a record). */
  readonly type: avro.Type
  /** The schema as written into container headers, docs included. */
  readonly json: string
  /** MD5 of the parsing canonical form, 16 bytes: fingerprint of the schema and sync marker of its containers. */
  readonly fingerprint: Buffer
}

function load(topic: Topic): RecordSchema {
  const source = JSON.parse(readFileSync(packageFile(`schemas/avro/${topic}.avsc`), 'utf8')) as avro.Schema
  // 64-bit values beyond 2^53 would lose bits as JavaScript numbers.
  const type = avro.Type.forSchema(source, { registry: { long: bigintLong } })
  return { topic, type, json: JSON.stringify(source), fingerprint: type.fingerprint('md5') }
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

const loaded = new Map<Topic, RecordSchema>(TOPICS.map((topic) => [topic, load(topic)]))

/** The schema of one stream, from schemas/avro/. */
export function recordSchema(topic: Topic): RecordSchema {
  return loaded.get(topic) as RecordSchema
}
