import type { ErrorCode } from '../common/errors.ts'

/** Codes (system.errors) for a temporary shortage; the statement itself is fine. */
const SHORTAGES = new Set([
  '159', // TIMEOUT_EXCEEDED
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '236', // ABORTED
  '241', // MEMORY_LIMIT_EXCEEDED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '394', // QUERY_WAS_CANCELLED
  '999', // KEEPER_EXCEPTION
])

/** Classifies by the engine's code; null: the engine could not be reached. */
export function classifyEngineCode(code: string | null): ErrorCode {
  return code === null || SHORTAGES.has(code) ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED'
}
