import type { RecordSchema } from './avro.ts'
import type { Stream } from './streams/index.ts'

/**
 * Maximum span of a batch, in ms of received_at: given the first record's time, a reader knows the window of the whole batch without
 * decoding it.
 */
export const BATCH_SPAN_MS = 1000

/** Maximum size of a batch, in bytes of encoded records. A container block that claims more is corrupt. */
export const BATCH_MAX_BYTES = 4 * 1024 * 1024

/** A sealed batch: the unit of appending, of delivery and of identity. */
export interface Batch {
  readonly stream: Stream
  /** The schema that the records were written with, possibly by another version; it stays with the batch on every path. */
  readonly schema: RecordSchema
  /**
   * 16 bytes, part of every record: the producer's random 64-bit incarnation, the batch's partition (unsigned 16-bit) and a 48-bit sequence.
   * The partition is included so that a batch that is sent again goes to the same partition, even if the topic's number of partitions
   * changed.
   */
  readonly batchId: Buffer
  readonly recordCount: number
  /** Smallest received_at, ms since the epoch. All of a batch lies in one UTC month. */
  readonly minReceivedAt: number
  /** Largest received_at, ms; readers may use min + BATCH_SPAN_MS. */
  readonly maxReceivedAt: number
  /** The records, Avro-encoded one after the other, without the container's framing. */
  readonly records: Uint8Array
}
