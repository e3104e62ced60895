import { type RecordSchema } from './avro.ts'

/*
 * Avro object container file (Avro specification 1.11, "Object Container Files"), codec null:
 *
 *  file   = "Obj" 0x01  map<bytes>{ avro.schema, avro.codec, gatepost.since }  sync(16)  block*
 *  block  = long recordCount   long byteSize   records   sync(16)
 *
 * gatepost.since is the version that introduced the schema: a version that cannot store the records can then say which one can. The sync
 * marker is the MD5 of the schema's canonical form, the same in every file of a schema: blocks of many files can be concatenated behind one
 * header without being rewritten.
 */

export const SYNC_BYTES = 16
/** Two zigzag longs of at most 10 bytes. */
export const BLOCK_HEADER_MAX_BYTES = 20

function long(value: number): Buffer {
  const bytes: number[] = []
  let n = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  while (n > 0x7fn) {
    bytes.push(Number(n & 0x7fn) | 0x80)
    n >>= 7n
  }
  bytes.push(Number(n))
  return Buffer.from(bytes)
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([long(bytes.length), bytes])
}

export const SCHEMA_KEY = 'avro.schema'
export const CODEC_KEY = 'avro.codec'
export const SINCE_KEY = 'gatepost.since'

const headers = new WeakMap<RecordSchema, Buffer>()

/** The header of a container with this schema; a shared buffer that must not be changed. */
export function containerHeader(schema: RecordSchema): Buffer {
  let header = headers.get(schema)
  if (header === undefined) headers.set(schema, (header = makeHeader(schema)))
  return header
}

function makeHeader({ json, since, fingerprint }: RecordSchema): Buffer {
  const entries = [[SCHEMA_KEY, json], [CODEC_KEY, 'null'], ...(since === null ? [] : [[SINCE_KEY, since]])]
  return Buffer.concat([
    Buffer.from('Obj\x01', 'latin1'),
    long(entries.length),
    ...entries.flatMap(([key, value]) => [sized(Buffer.from(key)), sized(Buffer.from(value))]),
    long(0),
    fingerprint,
  ])
}

/** The bytes before a block's records. */
export function blockHeader(recordCount: number, byteSize: number): Buffer {
  return Buffer.concat([long(recordCount), long(byteSize)])
}
