import { GatepostError, messageOf, type ErrorCode } from '../../common/errors.ts'
import { engineCode } from '../sql.ts'

/**
 * The engine's error as one of ours. It answers at once and in this process: an error with a code is its answer to
 * the statement, anything else says that it could not be asked.
 */
export function storeError(error: unknown): GatepostError {
  if (error instanceof GatepostError) return error
  const code = engineCode(error)
  return new GatepostError(classify(code), code === null ? messageOf(error) : `${code}: ${messageOf(error)}`, error)
}

/** Codes (system.errors) that say that the engine lacks something now, and not that the statement is wrong. */
const SHORTAGES = new Set([
  '159', // TIMEOUT_EXCEEDED
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '236', // ABORTED
  '241', // MEMORY_LIMIT_EXCEEDED
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '394', // QUERY_WAS_CANCELLED
])

function classify(code: string | null): ErrorCode {
  return code === null || SHORTAGES.has(code) ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED'
}
