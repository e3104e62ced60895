import type { Batch } from '../schemas/batch.ts'
import type { Stream } from '../schemas/streams/index.ts'

/**
 * The record log: append a batch durably; read batches in order from a position; commit a position.
 * Implemented by journal/ (Avro container files in the data directory) and kafka/ (Apache Kafka); every implementation passes
 * test/contract.ts.
 */

/** How ingest should build batches for a log. */
export interface Batching {
  /** A batch is sealed when its next record might exceed this size; a larger record gets a batch of its own. */
  readonly sealBytes: number
  /** Batches of a stream in flight at once; while there are fewer, a batch is sealed at the end of the event loop's turn. */
  readonly maxInFlight: number
  /** Batches of a stream in memory, open or in flight; beyond them records are refused. */
  readonly maxBatches: number
}

export interface LogWriter {
  /** Undefined: batches as large as possible, one in flight at a time. */
  readonly batching?: Batching
  /** The partition for a stream's next batch, which becomes part of its identity. A log without partitions returns 0. */
  nextPartition(stream: Stream): number
  /**
   * Resolves when the batch is durable. `records` must not change until then.
   * @throws GatepostError LOG_FULL, LOG_WRITE_REFUSED, LOG_CLOSED: nothing was appended;
   *   LOG_OUTCOME_UNKNOWN: the batch may or may not be found by readers.
   */
  append(batch: Batch): Promise<void>
  /** Waits for appends in flight, seals open segments, releases everything. */
  close(): Promise<void>
}

/** Batches of one stream in log order, and the position after them. */
export interface Gathered {
  readonly stream: Stream
  readonly batches: readonly Batch[]
  /** Sum of the batches' record bytes. */
  readonly bytes: number
  /**
   * The part of the log that all these batches come from: a partition, or a journal. A part has one reader at a time, and the fence that
   * keeps several aggregators from inserting it twice uses this name. Unique among all logs that feed a store.
   */
  readonly partition: string
  /** Changes whenever another reader may have owned the part in between. */
  readonly assignment: number
  /** Dead letters for messages that are not batches; they must be stored before the gather is committed. */
  readonly letters: readonly Batch[]
  /** Opaque data for commit(). */
  readonly position: unknown
}

/** What the log holds and nobody has committed yet. */
export interface Lag {
  readonly bytes: number
  readonly batches: number | null
  /** When the oldest uncommitted data became durable, ms since the epoch; null: everything is committed. */
  readonly oldestAt: number | null
  /** For a log with partitions: uncommitted batches in each partition that this reader owns. */
  readonly partitions?: readonly { readonly partition: number; readonly batches: number }[]
}

export interface LogReader {
  /**
   * The next batches of a stream after the last read position: at least one, and up to maxBytes in total (a single larger batch is returned
   * alone); null: there are none. Reading advances the position; batches that were read and not committed are read again after a restart.
   * Parts named in `except` are skipped, because a gather of theirs is being stored.
   */
  read(stream: Stream, maxBytes: number, except?: ReadonlySet<string>): Promise<Gathered | null>
  /**
   * Whether this reader still owns the part that the gather came from. If not, the new owner reads it again; the gather must be neither
   * stored nor committed.
   */
  isCurrent(gathered: Gathered): boolean
  /** Tells the log that the gather is stored. Commit every gather, in the order of reading; committing one twice has no effect. */
  commit(gathered: Gathered): Promise<void>
  /** Forgets what was read and not committed: the next read starts at the last committed position. */
  rewind(stream: Stream): void
  lag(stream: Stream): Promise<Lag>
  close(): Promise<void>
}
