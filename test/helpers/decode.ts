import { recordSchema } from '../../schemas/avro.ts'
import type { Stream } from '../../schemas/streams/index.ts'

/** A record as avsc decodes it: longs are BigInt, times numbers. */
export type Decoded = Record<string, unknown>

/** `count` records of a stream, each with its encoded bytes. @throws Error if bytes remain */
export function decodeRecords(
  stream: Stream,
  records: Uint8Array,
  count: number,
): { record: Decoded; bytes: Buffer }[] {
  const { type } = recordSchema(stream)
  const buffer = Buffer.from(records)
  const decoded: { record: Decoded; bytes: Buffer }[] = []
  let offset = 0
  for (let index = 0; index < count; index++) {
    const next: { value: Decoded; offset: number } = type.decode(buffer, offset)
    decoded.push({ record: next.value, bytes: buffer.subarray(offset, next.offset) })
    offset = next.offset
  }
  if (offset !== buffer.length) throw new Error(`${buffer.length - offset} bytes behind the last record`)
  return decoded
}
