import type { RecordSchema } from './avro.ts'
import type { Topic } from './streams/index.ts'

/**
 * No batch spans more than this, in ms of received_at: a reader that knows the first record's time knows the
 * window in which all of the batch lies, without decoding it.
 */
export const BATCH_SPAN_MS = 1000

/** The largest batch, in bytes of Avro-encoded records. A container block that claims more is corrupt. */
export const BATCH_MAX_BYTES = 4 * 1024 * 1024

/** A sealed batch: the unit of appending, of delivery and of identity. */
export interface Batch {
  readonly topic: Topic
  /** What its records were written with, maybe by another version: it stays with them on every path. */
  readonly schema: RecordSchema
  /**
   * 16 bytes, in every record too: the producer's random 64-bit incarnation, the partition the batch belongs to (unsigned
   * 16-bit) and a 48-bit sequence. The partition is part of it so that a batch that is sent again goes where it went before,
   * whatever became of the topic's number of partitions.
   */
  readonly batchId: Buffer
  readonly recordCount: number
  /** Smallest received_at, ms since the epoch. All of a batch lies in one UTC month. */
  readonly minReceivedAt: number
  /** Largest received_at, ms; readers may give min + BATCH_SPAN_MS. */
  readonly maxReceivedAt: number
  /** The records, Avro-encoded one after the other, without the container's framing. */
  readonly records: Uint8Array
}
