import type { Batch } from '../schemas/batch.ts'
import type { Topic } from '../schemas/streams/index.ts'

/**
 * The record log: append a batch durably; read batches in order from a position; commit a position.
 * Implemented by journal/ (Avro container files in the data directory) and kafka/ (Apache Kafka); every implementation passes
 * test/contract.ts.
 */

/** How records are best gathered into batches for a log. */
export interface Batching {
  /** A batch is sealed when its next record might take it beyond this many bytes; a larger record goes alone. */
  readonly sealBytes: number
  /** Batches of a topic under way at once; while fewer are, a batch is sealed at the end of the event loop's turn. */
  readonly maxInFlight: number
  /** Batches of a topic that may be in memory, open or under way; beyond them records are refused. */
  readonly maxBatches: number
}

export interface LogWriter {
  /** Undefined: as large as a batch may be, one at a time. */
  readonly batching?: Batching
  /** The partition of a topic's next batch, to be written into its identity. A log without partitions says 0. */
  nextPartition(topic: Topic): number
  /**
   * Resolves when the batch is durable. `records` must not change until then.
   * @throws GatepostError LOG_FULL, LOG_WRITE_REFUSED, LOG_CLOSED: nothing was appended;
   *   LOG_OUTCOME_UNKNOWN: the batch may or may not be found by readers.
   */
  append(batch: Batch): Promise<void>
  /** Waits for appends under way, seals what is open, frees everything. */
  close(): Promise<void>
}

/** Batches of one topic, read in the order of the log, and the position behind them. */
export interface Gathered {
  readonly topic: Topic
  readonly batches: readonly Batch[]
  /** Sum of the batches' record bytes. */
  readonly bytes: number
  /**
   * Which part of the log they come from, the same for all of them: a part has one reader at a time, and several
   * aggregators keep each other from inserting it twice under this name. Unique among all logs that feed a store.
   */
  readonly partition: string
  /** Changes whenever another reader may have owned the part in between. */
  readonly assignment: number
  /** Dead letters about what is no batch, to be stored before the gather is committed. */
  readonly letters: readonly Batch[]
  /** Opaque: what commit() needs. */
  readonly position: unknown
}

/** What waits in the log and has not been committed. */
export interface Lag {
  readonly bytes: number
  readonly batches: number | null
  /** When the oldest waiting data became durable, ms since the epoch; null: nothing waits. */
  readonly oldestAt: number | null
  /** Of a log with partitions: batches that wait in each one that this reader owns. */
  readonly partitions?: readonly { readonly partition: number; readonly batches: number }[]
}

export interface LogReader {
  /**
   * Whatever waits in a topic behind the last position read, at least one batch and up to maxBytes (a single larger batch is
   * returned alone); null: nothing waits. Reading advances; what was read and not committed comes again after a restart. Parts of the log
   * named in `except` are left out: something of them is being stored.
   */
  read(topic: Topic, maxBytes: number, except?: ReadonlySet<string>): Promise<Gathered | null>
  /** Whether this reader still owns what it read: if not, another one reads it again, and it must be neither stored nor committed. */
  isCurrent(gathered: Gathered): boolean
  /** What this gather read is stored: the log need not keep it. Every gather is committed, in the order of reading; twice is once. */
  commit(gathered: Gathered): Promise<void>
  /** Forget what was read and not committed: the next read begins at the last committed position. */
  rewind(topic: Topic): void
  lag(topic: Topic): Promise<Lag>
  close(): Promise<void>
}
