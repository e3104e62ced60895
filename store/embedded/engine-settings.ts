import type { EngineSettings } from './connection.ts'

const GIB = 1024 ** 3

/** 64-bit integers as text: JavaScript numbers would lose bits. */
const COMMON: EngineSettings = { output_format_json_quote_64bit_integers: 1 }

/**
 * Reading connections. Results are materialised in this process and aborting does not stop the engine, so queries are limited in time and
 * result size. readonly forbids queries to change the limits.
 */
export const READER_SETTINGS: EngineSettings = {
  ...COMMON,
  max_execution_time: 60,
  max_result_bytes: GIB / 4,
  max_memory_usage: 4 * GIB,
  readonly: 1,
}

/** The writing connection. Look-ups name every batch of a gather, so statements are long. */
export const WRITER_SETTINGS: EngineSettings = {
  ...COMMON,
  async_insert: 0,
  max_execution_time: 300,
  max_result_bytes: GIB / 4,
  max_query_size: 64 * 1024 * 1024,
}
