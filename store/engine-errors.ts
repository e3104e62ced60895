import type { ErrorCode } from '../common/errors.ts'

/** Codes (system.errors) for a temporary shortage; the statement itself is fine. A test compares the names with the engine's. */
export const SHORTAGES: ReadonlySet<string> = new Set([
  '159', // TIMEOUT_EXCEEDED
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '225', // NO_ZOOKEEPER
  '236', // ABORTED
  '241', // MEMORY_LIMIT_EXCEEDED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '254', // NO_ACTIVE_REPLICAS
  '279', // ALL_CONNECTION_TRIES_FAILED
  '285', // TOO_FEW_LIVE_REPLICAS
  '286', // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  '289', // REPLICA_IS_NOT_IN_QUORUM
  '319', // UNKNOWN_STATUS_OF_INSERT: the rows may be there
  '394', // QUERY_WAS_CANCELLED
  '999', // KEEPER_EXCEPTION
])

/** Classifies by the engine's code; null: the engine could not be reached. */
export function classifyEngineCode(code: string | null): ErrorCode {
  return code === null || SHORTAGES.has(code) ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED'
}
