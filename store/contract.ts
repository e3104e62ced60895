import type { Topic } from '../schemas/topics.ts'
import type { Batch } from '../log/contract.ts'

/**
 * The store: run DDL, query, insert gathered Avro batches exactly once.
 * Implemented by embedded/ (chDB through @clickhouse/client); every implementation passes test/contract.ts.
 */

export type QueryParams = Record<string, string | number | boolean | null | readonly (string | number)[]>

/** What an exactly-once insert did. */
export interface InsertOutcome {
  /** Rows written by this call. */
  readonly rows: number
  /** Batches that were in the table already and were left out. */
  readonly alreadyPresent: number
}

export interface Store {
  /** Apply the numbered migrations of schemas/clickhouse/ that are not recorded yet. @throws STORE_MIGRATION */
  migrate(): Promise<void>
  /** Rows of a SELECT as objects; 64-bit integers as strings unless the query casts them. Parameters are bound: {name:Type}. */
  query<T>(sql: string, params?: QueryParams): Promise<T[]>
  /** A statement without a result: DDL, INSERT ... VALUES, DELETE. */
  command(sql: string, params?: QueryParams): Promise<void>
  /**
   * Insert batches of one topic and one UTC month into the topic's table, each wholly and once, whatever happened before:
   * one INSERT with a look-up by identity, one block, one part. Batch ids are unique within the call.
   * `expectedRows` per batch is its record count.
   * @throws GatepostError STORE_REFUSED: the engine refused the rows, none was written (bisect with check());
   *   STORE_UNAVAILABLE: outcome unknown, call again; STORE_INCONSISTENT: a batch is there in part.
   */
  insertOnce(topic: Topic, batches: readonly Batch[]): Promise<InsertOutcome>
  /** Whether the engine would take these rows: inserts them into a Null table of the same structure. Null: it would; else its error. */
  check(topic: Topic, batches: readonly Batch[]): Promise<string | null>
  close(): Promise<void>
}
