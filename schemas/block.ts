import type { RecordSchema } from '../schemas/avro.ts'
import { BATCH_SPAN_MS, type Batch } from './batch.ts'
import { readLong, type ScannedBlock } from './scan.ts'

/** Record times are only read to find the batch's window: an implausible time means corruption. */
const EARLIEST_MS = Date.UTC(2020, 0, 1)
const LATEST_MS = Date.UTC(2200, 0, 1)

/**
 * Reads a container block as a batch. Every record begins with received_at and batch_id, so the first one gives the batch's identity and
 * window.
 * Null: the block holds something else.
 */
export function batchOfBlock(schema: RecordSchema, bytes: Buffer, block: ScannedBlock): Batch | null {
  const receivedAt = readLong(bytes, block.recordsStart)
  if (receivedAt === null || receivedAt.value < EARLIEST_MS || receivedAt.value > LATEST_MS) return null
  if (receivedAt.end + 16 > block.recordsEnd) return null
  return {
    stream: schema.stream,
    schema,
    batchId: bytes.subarray(receivedAt.end, receivedAt.end + 16),
    recordCount: block.recordCount,
    minReceivedAt: receivedAt.value,
    maxReceivedAt: receivedAt.value + BATCH_SPAN_MS,
    records: bytes.subarray(block.recordsStart, block.recordsEnd),
  }
}
