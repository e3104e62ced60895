import type { Topic } from '../schemas/streams/index.ts'
import type { Batch } from '../schemas/batch.ts'

/**
 * The store: run DDL, query, insert gathered Avro batches exactly once.
 * Implemented by embedded/ (chDB) and server/ (a ClickHouse server), both through @clickhouse/client; every implementation
 * passes test/contract.ts.
 */

export type QueryParams = Record<string, string | number | boolean | null | readonly (string | number)[]>

/** What an exactly-once insert did. */
export interface InsertOutcome {
  /** Rows written by this call. */
  readonly rows: number
  /** Batches that were in the table already and were left out. */
  readonly alreadyPresent: number
}

/**
 * The right to insert what a part of the record log holds (see Gathered.partition): of each part the newest claim counts.
 * Table partition_owners.
 */
export interface Claim {
  readonly topic: Topic
  readonly partition: string
  readonly epoch: number
  /** Who claimed it: random, one per opened store. */
  readonly owner: string
}

export interface Store {
  /** Apply the numbered migrations of schemas/clickhouse/ that are not recorded yet. @throws STORE_MIGRATION */
  migrate(): Promise<void>
  /** Rows of a SELECT as objects; 64-bit integers as strings unless the query casts them. Parameters are bound: {name:Type}. */
  query<T>(sql: string, params?: QueryParams): Promise<T[]>
  /** A statement without a result: DDL, INSERT ... VALUES, DELETE. */
  command(sql: string, params?: QueryParams): Promise<void>
  /**
   * Claims a part of the record log under the next epoch and waits until no insert of an earlier claim runs. With `previous`:
   * only if that is still the newest claim (after an attempt whose outcome is unknown, so that a late one cannot write).
   * @throws GatepostError STORE_FENCED: another owner has claimed it since; STORE_UNAVAILABLE
   */
  claim(topic: Topic, partition: string, previous: Claim | null): Promise<Claim>
  /**
   * Insert batches of one topic and one UTC month into the topic's table, each wholly and once, whatever happened before:
   * one INSERT with a look-up by identity, one block, one part. Batch ids are unique within the call.
   * `claims` are those of the parts of the log that the batches come from: nothing is written unless each is the newest. None:
   * the caller is the only writer. Calls under claims may run side by side: no batch may be in two of them.
   * @throws GatepostError STORE_REFUSED: the engine refused the rows, none was written (bisect with check());
   *   STORE_FENCED: a claim is no longer the newest, none was written; STORE_UNAVAILABLE: outcome unknown, claim again
   *   and call again; STORE_INCONSISTENT: a batch is there in part.
   */
  insertOnce(topic: Topic, batches: readonly Batch[], claims?: readonly Claim[]): Promise<InsertOutcome>
  /** Whether the engine would take these rows: inserts them into a Null table of the same structure. Null: it would; else its error. */
  check(topic: Topic, batches: readonly Batch[]): Promise<string | null>
  close(): Promise<void>
}
