import { type RecordSchema } from './avro.ts'

/*
 * Avro object container file (Avro specification 1.11, "Object Container Files"), codec null:
 *
 *   file   = "Obj" 0x01  map<bytes>{ avro.schema, avro.codec }  sync(16)  block*
 *   block  = long recordCount   long byteSize   records   sync(16)
 *
 * The sync marker is the MD5 of the schema's canonical form, the same in every file of a schema: blocks of many
 * files can stand behind one header without being rewritten.
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

/** The header of a container of this schema; the same bytes every time. */
export function containerHeader(schema: RecordSchema): Buffer {
  const entry = (key: string, value: string) => Buffer.concat([sized(Buffer.from(key)), sized(Buffer.from(value))])
  return Buffer.concat([
    Buffer.from('Obj\x01', 'latin1'),
    long(2),
    entry('avro.schema', schema.json),
    entry('avro.codec', 'null'),
    long(0),
    schema.fingerprint,
  ])
}

/** What stands before a block's records. */
export function blockHeader(recordCount: number, byteSize: number): Buffer {
  return Buffer.concat([long(recordCount), long(byteSize)])
}
