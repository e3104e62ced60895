import { QUERY_ID } from '../query-tag.ts'

/**
 * The readable tables outside database gatepost, of which the engine shows what the role may see. `null`: unchanged. Otherwise the query that
 * replaces the table, without paths of this machine.
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
  formats: null,
  keywords: null,
  time_zones: null,
  collations: null,
  licenses: null,
  contributors: null,
  tables: `SELECT * REPLACE ('' AS metadata_path, CAST([], 'Array(String)') AS data_paths) FROM system.tables`,
  columns: null,
  databases: `SELECT * REPLACE ('' AS metadata_path, '' AS data_path) FROM system.databases`,
  data_skipping_indices: null,
}
const INFORMATION_SCHEMA: Record<string, string | null> = { tables: null, columns: null, schemata: null }

/** Additional tables that a store reads on its server. */
const OF_STORES: Record<string, string | null> = {
  parts: null,
  processes: `SELECT * REPLACE (${QUERY_ID} AS query_id) FROM system.processes`,
}

/** Undefined: the table must not be read. */
export function catalogTable(database: string, table: string, actsAsServer = false): string | null | undefined {
  if (actsAsServer && database === 'system' && Object.hasOwn(OF_STORES, table)) return OF_STORES[table]
  const of = database === 'system' ? SYSTEM : database.toLowerCase() === 'information_schema' ? INFORMATION_SCHEMA : {}
  const name = of === INFORMATION_SCHEMA ? table.toLowerCase() : table
  return Object.hasOwn(of, name) ? of[name] : undefined
}
