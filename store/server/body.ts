import { Readable } from 'node:stream'
import type { Batch } from '../../schemas/batch.ts'
import type { RecordSchema } from '../../schemas/avro.ts'
import { blockHeader, containerHeader } from '../../schemas/container.ts'

/** Small batches are combined: each chunk costs a system call and an HTTP frame. */
const CHUNK_BYTES = 256 * 1024

/** Streams the batches' blocks after one container header. */
export function containerStream(schema: RecordSchema, batches: readonly Batch[]): Readable {
  return Readable.from(chunks(schema, batches), { objectMode: false, highWaterMark: CHUNK_BYTES })
}

function* chunks(schema: RecordSchema, batches: readonly Batch[]): Generator<Buffer> {
  let parts: Uint8Array[] = [containerHeader(schema)]
  let bytes = 0
  for (const { recordCount, records } of batches) {
    parts.push(blockHeader(recordCount, records.byteLength), records, schema.fingerprint)
    bytes += records.byteLength
    if (bytes < CHUNK_BYTES) continue
    yield Buffer.concat(parts)
    parts = []
    bytes = 0
  }
  if (parts.length > 0) yield Buffer.concat(parts)
}
