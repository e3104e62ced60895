import { ONE_PART_SETTINGS } from '../exactly-once/statement.ts'

/**
 * Settings sent with every statement, regardless of the server's profiles. The server's time limit is in seconds; the client waits a little
 * longer (see client.ts).
 */
export const COMMON_SETTINGS = {
  // The status is known when the answer begins: an exception never follows a 200.
  wait_end_of_query: 1,
  output_format_json_quote_64bit_integers: 1,
  // Look-ups name every batch of a gather.
  max_query_size: 16 * 1024 * 1024,
  enable_global_with_statement: 1,
  enable_parallel_replicas: 0,
} as const

export const QUERY_SECONDS = 60
/** DDL, mutations that are waited for, a merge. */
export const COMMAND_SECONDS = 300
/** A gather is of some tens of MiB, which takes a second or two. */
export const INSERT_SECONDS = 30
export const LOOK_UP_SECONDS = 20

/** What the exactly-once procedure rests on, said with each insert. */
export const INSERT_SETTINGS = {
  ...COMMON_SETTINGS,
  ...ONE_PART_SETTINGS,
  // The look-up decides. A replicated table would take rows that it has seen and lost (TTL, a deletion) for duplicates.
  insert_deduplicate: 0,
  // A view that fails is told, and its SELECT repeated.
  materialized_views_ignore_errors: 0,
  parallel_view_processing: 0,
  max_execution_time: INSERT_SECONDS,
} as const

/**
 * Of a cluster's tables: written to a majority, through Distributed before it is answered, and read where all of that is. What a query asks
 * of one table to look up in another is sent to every shard; by default a server refuses to.
 */
export const CLUSTER_SETTINGS = {
  insert_quorum: 'auto',
  select_sequential_consistency: 1,
  distributed_foreground_insert: 1,
  distributed_product_mode: 'global',
} as const

/** Parameters of the HTTP interface itself. */
const NO_SETTINGS = new Set(['wait_end_of_query'])

/** Those that a server must have. */
export const REQUIRED_SETTINGS: readonly string[] = Object.keys({ ...INSERT_SETTINGS, ...CLUSTER_SETTINGS }).filter(
  (name) => !NO_SETTINGS.has(name),
)
