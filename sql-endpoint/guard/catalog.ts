import { SHOWN_PROCESSES } from '../running-statements.ts'
import { INPUT_FORMATS, OUTPUT_FORMATS } from '../wire/formats.ts'
import { literal } from './tokens.ts'

/**
 * Who reads the catalogue: to a user of GATEPOST_SQL_USERS (`named`) something may be hidden, an admin also looks after the engine, and a store needs
 * what it asks a server for.
 */
export type Audience = 'reader' | 'named' | 'admin' | 'store'

const among = (names: Iterable<string>): string => `lower(name) IN (${[...names].map(literal).join(', ')})`

/** A star leaves aliases out. */
const ALIASES_OF_PARTS = 'bytes_on_disk AS bytes, marks_bytes AS marks_size, name AS part_name'

/**
 * The readable tables outside database gatepost, of which the engine shows what the role may see. `null`: unchanged. Otherwise the query that
 * replaces the table, without paths of this machine, and with its aliases.
 */
const SYSTEM: Record<string, string | null> = {
  settings: null,
  one: null,
  numbers: null,
  numbers_mt: null,
  zeros: null,
  zeros_mt: null,
  primes: null,
  functions: null,
  table_functions: null,
  aggregate_function_combinators: null,
  data_type_families: null,
  table_engines: null,
  formats: `SELECT * REPLACE (is_input AND ${among(INPUT_FORMATS)} AS is_input, is_output AND ${among(OUTPUT_FORMATS)} AS is_output)
    FROM system.formats WHERE ${among([...INPUT_FORMATS, ...OUTPUT_FORMATS])}`,
  keywords: null,
  time_zones: null,
  collations: null,
  licenses: null,
  contributors: null,
  tables: `SELECT * REPLACE ('' AS metadata_path, CAST([], 'Array(String)') AS data_paths), name AS table FROM system.tables`,
  columns: null,
  databases: `SELECT * REPLACE ('' AS metadata_path, '' AS data_path), name AS database FROM system.databases`,
  data_skipping_indices: null,
  parts: `SELECT * REPLACE ('' AS path), ${ALIASES_OF_PARTS} FROM system.parts`,
  dictionaries: null,
  clusters: null,
  processes: SHOWN_PROCESSES,
}
const INFORMATION_SCHEMA: Record<string, string | null> = { tables: null, columns: null, schemata: null }

/** Without the values of the columns that a table is partitioned by. */
const OF_NAMED: Record<string, string | null> = {
  parts: `SELECT * REPLACE ('' AS path, '' AS partition, '' AS partition_id, '' AS name, toDate(0) AS min_date, toDate(0) AS max_date,
      toDateTime(0) AS min_time, toDateTime(0) AS max_time), bytes_on_disk AS bytes, marks_bytes AS marks_size, '' AS part_name
    FROM system.parts`,
}

/** Additional tables for those who look after the engine. */
const OF_ADMINS: Record<string, string | null> = {
  parts_columns: `SELECT * REPLACE ('' AS path), ${ALIASES_OF_PARTS} FROM system.parts_columns`,
  merges: `SELECT * REPLACE ('' AS result_part_path, CAST([], 'Array(String)') AS source_part_paths) FROM system.merges`,
  mutations: null,
  disks: `SELECT * REPLACE ('' AS path) FROM system.disks`,
  errors: `SELECT * REPLACE ('' AS last_error_message, CAST([], 'Array(UInt64)') AS last_error_trace) FROM system.errors`,
  events: null,
  metrics: null,
  asynchronous_metrics: null,
}

/** Additional tables that a store reads on its server. */
const OF_STORES: Record<string, string | null> = {
  parts: null,
}

const OF_AUDIENCE: Record<Audience, readonly Record<string, string | null>[]> = {
  reader: [SYSTEM],
  named: [OF_NAMED, SYSTEM],
  admin: [SYSTEM, OF_ADMINS],
  store: [OF_STORES, SYSTEM, OF_ADMINS],
}

/** Undefined: the table must not be read. */
export function catalogTable(database: string, table: string, audience: Audience): string | null | undefined {
  const isSchema = database.toLowerCase() === 'information_schema'
  const tables = database === 'system' ? OF_AUDIENCE[audience] : isSchema ? [INFORMATION_SCHEMA] : []
  const name = isSchema ? table.toLowerCase() : table
  return tables.find((list) => Object.hasOwn(list, name))?.[name]
}
