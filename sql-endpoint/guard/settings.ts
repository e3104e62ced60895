import { SqlError } from '../errors.ts'
import type { SqlLimits } from '../options.ts'

/**
 * The settings that a query may change. An allow-list, because the engine's more than a thousand settings include paths, URLs, disks, limits
 * and experimental features. Families of settings are listed by their prefix.
 */
const HARMLESS = new Set(
  `aggregate_functions_null_for_empty any_join_distinct_right_table_keys
  asterisk_include_alias_columns asterisk_include_materialized_columns asterisk_include_virtual_columns
  bool_false_representation bool_true_representation cast_ipv4_ipv6_default_on_conversion_error cast_keep_nullable
  cast_string_to_date_time_mode cast_string_to_dynamic_use_inference connect_timeout count_distinct_implementation
  data_type_default_nullable date_time_input_format date_time_output_format date_time_overflow_behavior distinct_overflow_mode
  enable_named_columns_in_function_tuple enable_optimize_predicate_expression enable_time_time64_type extremes
  final force_index_by_date force_primary_key function_json_value_return_type_allow_complex
  function_json_value_return_type_allow_nullable group_by_overflow_mode group_by_use_nulls
  idle_connection_timeout insert_deduplication_token interval_output_format join_algorithm join_default_strictness join_use_nulls log_comment
  low_cardinality_allow_in_native_format max_block_size max_compress_block_size max_insert_block_size
  min_compress_block_size opentelemetry_start_trace_probability optimize_aggregation_in_order
  optimize_move_to_prewhere optimize_read_in_order prefer_column_name_to_alias priority receive_timeout send_timeout session_timezone short_circuit_function_evaluation totals_mode
  transform_null_in union_default_mode use_uncompressed_cache validate_polygons
  allow_suspicious_low_cardinality_types allow_suspicious_types_in_group_by
  allow_nondeterministic_mutations allow_suspicious_types_in_order_by alter_sync lightweight_deletes_sync mutations_sync
  optimize_throw_if_noop
  join_overflow_mode read_overflow_mode read_overflow_mode_leaf result_overflow_mode set_overflow_mode sort_overflow_mode
  timeout_overflow_mode transfer_overflow_mode`.split(/\s+/),
)
const HARMLESS_PREFIXES = [
  'format_csv_',
  'format_tsv_',
  'format_binary_max_',
  'formatdatetime_',
  'input_format_',
  'output_format_',
]
/**
 * Set for every INSERT with data. Otherwise VALUES could contain expressions, with functions and subqueries that the guard does not see,
 * because data is not part of the statement.
 */
export const INSERT_SETTINGS = {
  input_format_values_interpret_expressions: '0',
  input_format_values_deduce_templates_of_expressions: '0',
}

/** Exceptions within those families: settings that name files or tables, or change framing that the endpoint depends on. */
const REFUSED = new Set([
  'input_format_record_errors_file_path',
  ...Object.keys(INSERT_SETTINGS),
  'output_format_native_encode_types_in_binary_format',
  'output_format_binary_encode_types_in_binary_format',
  'output_format_schema',
  'output_format_enable_streaming',
  'output_format_compression_level',
  'output_format_compression_zstd_window_log',
])

/** Accepted without effect: the endpoint decides these, or they only matter to a server with sessions and logs. */
const IGNORED = new Set(
  `async_insert async_insert_busy_timeout_ms async_insert_deduplicate async_insert_max_data_size buffer_size
  cancel_http_readonly_queries_on_client_close distributed_foreground_insert http_headers_progress_interval_ms http_make_head_request
  http_native_compression_disable_checksumming_on_decompress http_receive_timeout http_response_buffer_size
  http_send_timeout http_write_exception_in_output_format http_zlib_compression_level insert_distributed_sync insert_quorum log_queries network_compression_method network_zstd_compression_level readonly
  select_sequential_consistency
  send_logs_level send_progress_in_http_headers wait_for_async_insert wait_for_async_insert_timeout`.split(/\s+/),
)

/** Whether setting `readonly` asks for less than the user may. On a server 1 also refuses further settings; here both only refuse writes. */
export function isReadonly(value: string | undefined): boolean {
  return value === '1' || value === '2'
}

/** Settings that a store sends to a server: see store/server/settings.ts. */
const OF_STORES = new Set(
  `async_insert max_insert_threads min_insert_block_size_rows min_insert_block_size_bytes insert_deduplicate
  materialized_views_ignore_errors parallel_view_processing enable_parallel_replicas enable_global_with_statement
  http_write_exception_in_output_format`.split(/\s+/),
)

/** Limits, with the maximum of each. Zero, which means unlimited to the engine, exceeds every maximum. */
export function limitSettings(limits: SqlLimits, seconds: number): ReadonlyMap<string, number> {
  return new Map([
    ['max_execution_time', seconds],
    ['max_memory_usage', limits.maxMemoryBytes],
    ['max_result_bytes', limits.maxResultBytes],
    ['max_query_size', limits.maxQueryBytes * 4 + 65_536],
  ])
}

/** Limits without a maximum of ours: any non-negative number, since the engine's default is unlimited. */
const FREE_LIMITS = new Set(
  `max_bytes_before_external_group_by max_bytes_before_external_sort max_bytes_to_read max_columns_to_read
  max_result_rows max_rows_to_group_by max_rows_to_read max_rows_to_sort max_rows_in_join max_bytes_in_join
  max_rows_in_set max_rows_in_distinct limit offset`.split(/\s+/),
)
const MAX_THREADS = 64

export interface SettingsPolicy {
  readonly limits: ReadonlyMap<string, number>
  /** Whether the engine has a setting of this name. */
  known(name: string): boolean
  /** See SqlEndpointOptions. */
  readonly actsAsServer?: boolean
}

/**
 * A setting from the request's parameters, for the connection; null if it has no effect. A limit above ours is lowered to ours, since
 * clients send their own defaults with every request.
 * @throws SqlError UNKNOWN_SETTING, READONLY, BAD_ARGUMENTS
 */
export function settingOfRequest(name: string, value: string, policy: SettingsPolicy): string | null {
  if (policy.actsAsServer === true && OF_STORES.has(name) && policy.known(name)) return String(numberOf(name, value))
  if (IGNORED.has(name)) return null
  const limit = policy.limits.get(name)
  if (limit !== undefined) return String(lowered(name, value, limit))
  if (name === 'max_threads') return String(Math.min(lowered(name, value, MAX_THREADS), MAX_THREADS))
  if (FREE_LIMITS.has(name)) return String(numberOf(name, value))
  requireHarmless(name, policy)
  // Values become words of a command line: none of the allowed settings needs a control character other than a tab.
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(value) || value.length > 1024) {
    throw new SqlError('BAD_ARGUMENTS', `The value of setting '${name}' is not allowed`)
  }
  return value
}

/**
 * Checks a setting in a SETTINGS clause. The engine gets the clause as written, so a limit above ours is refused.
 * @throws SqlError UNKNOWN_SETTING, READONLY, SETTING_CONSTRAINT_VIOLATION
 */
export function checkSettingOfClause(name: string, value: string, policy: SettingsPolicy): void {
  if (policy.actsAsServer === true && OF_STORES.has(name) && policy.known(name)) return void numberOf(name, value)
  // Ignored as request parameters, but in a clause the engine would apply them.
  if (IGNORED.has(name)) throw notChangeable(name)
  const limit = name === 'max_threads' ? MAX_THREADS : policy.limits.get(name)
  if (limit !== undefined) {
    const number = numberOf(name, value)
    if (number === 0 || number > limit) {
      throw new SqlError('SETTING_CONSTRAINT_VIOLATION', `Setting ${name} shouldn't be greater than ${limit}`)
    }
    return
  }
  if (FREE_LIMITS.has(name)) {
    numberOf(name, value)
    return
  }
  requireHarmless(name, policy)
}

function requireHarmless(name: string, policy: SettingsPolicy): void {
  if (REFUSED.has(name)) throw notChangeable(name)
  if (HARMLESS.has(name) || HARMLESS_PREFIXES.some((prefix) => name.startsWith(prefix))) {
    if (policy.known(name)) return
  } else if (policy.known(name)) throw notChangeable(name)
  throw new SqlError(
    'UNKNOWN_SETTING',
    `Setting ${name} is neither a builtin setting nor started with the prefix 'param_'`,
  )
}

function notChangeable(name: string): SqlError {
  return new SqlError('READONLY', `Cannot modify '${name}' setting: it is not among those that a query may change here`)
}

function numberOf(name: string, value: string): number {
  const number = /^\d+(?:\.\d+)?(?:[eE]\d+)?$/.test(value) ? Number(value) : NaN
  if (!Number.isFinite(number)) throw new SqlError('BAD_ARGUMENTS', `The value of setting '${name}' must be a number`)
  return number
}

function lowered(name: string, value: string, limit: number): number {
  const number = numberOf(name, value)
  return number === 0 || number > limit ? limit : number
}

/** Settings of a MergeTree table allowed in CREATE TABLE and ALTER TABLE: none of them names a disk, policy or path. */
export const TABLE_SETTINGS = new Set(
  `allow_nullable_key deduplicate_merge_projection_mode enable_block_number_column enable_block_offset_column
  fsync_after_insert fsync_part_directory index_granularity index_granularity_bytes max_bytes_to_merge_at_max_space_in_pool
  merge_with_ttl_timeout min_bytes_for_wide_part min_compressed_bytes_to_fsync_after_merge min_rows_for_wide_part
  min_rows_to_fsync_after_merge non_replicated_deduplication_window old_parts_lifetime parts_to_delay_insert
  parts_to_throw_insert replicated_deduplication_window replicated_deduplication_window_for_async_inserts
  replicated_deduplication_window_seconds ttl_only_drop_parts`.split(/\s+/),
)
