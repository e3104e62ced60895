import type { Stream } from '../schemas/streams/index.ts'
import type { Batch } from '../schemas/batch.ts'

/**
 * The store: run DDL, query, insert gathered Avro batches exactly once.
 * Implemented by embedded/ (chDB) and server/ (a ClickHouse server), both through @clickhouse/client; every implementation passes
 * test/contract.ts.
 */

export type QueryParams = Record<string, string | number | boolean | null | readonly (string | number)[]>

/** The result of an exactly-once insert. */
export interface InsertOutcome {
  /** Rows written by this call. */
  readonly rows: number
  /** Batches that were in the table already and were skipped. */
  readonly alreadyPresent: number
}

/**
 * Ownership of a part of the record log (see Gathered.partition) under the fence: for each part, only the owner with the newest epoch may
 * insert. Table partition_owners.
 */
export interface Ownership {
  readonly stream: Stream
  readonly partition: string
  readonly epoch: number
  /** The owner: a random id, one per opened store. */
  readonly owner: string
}

export interface Store {
  /** Applies the numbered migrations in schemas/clickhouse/ that are not recorded yet. @throws STORE_MIGRATION */
  migrate(): Promise<void>
  /** Rows of a SELECT as objects; 64-bit integers as strings unless the query casts them. Parameters are bound: {name:Type}. */
  query<T>(sql: string, params?: QueryParams): Promise<T[]>
  /** Runs a statement without a result: DDL, INSERT ... VALUES, DELETE. */
  command(sql: string, params?: QueryParams): Promise<void>
  /**
   * Takes ownership of a part of the record log under the next epoch, and waits until no insert of an earlier epoch runs. With `previous`:
   * only if that is still the newest epoch (used after an attempt with an unknown outcome, to fence off a late write).
   * @throws GatepostError STORE_FENCED: another process has taken ownership since; STORE_UNAVAILABLE
   */
  takeOwnership(stream: Stream, partition: string, previous: Ownership | null): Promise<Ownership>
  /**
   * Inserts batches of one stream and one UTC month into the stream's table, each wholly and once, whatever happened before: one INSERT with
   * a look-up by identity, one block, one part. Batch ids are unique within the call. `ownerships`: those of the parts of the log
   * that the batches come from: nothing is written unless each has the newest epoch. None: the caller is the only writer. Calls under
   * ownerships may run concurrently if no batch is in two of them.
   * @throws GatepostError STORE_REFUSED: the engine refused the rows, none was written (bisect with check());
   *   STORE_FENCED: an epoch is no longer the newest, none was written; STORE_UNAVAILABLE: unknown outcome, take ownership again and
   *   repeat; STORE_INCONSISTENT: a batch is partly in the table
   */
  insertOnce(stream: Stream, batches: readonly Batch[], ownerships?: readonly Ownership[]): Promise<InsertOutcome>
  /**
   * Whether the engine would accept these rows: inserts them into a Null table with the same structure. Null: it would; else its error.
   */
  check(stream: Stream, batches: readonly Batch[]): Promise<string | null>
  close(): Promise<void>
}
