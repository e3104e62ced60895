import { GatepostError, messageOf } from '../../common/errors.ts'
import { classifyEngineCode } from '../engine-errors.ts'
import { engineCode } from '../sql.ts'

/**
 * The engine's error as one of ours. It answers at once and in this process: an error with a code is its answer to
 * the statement, anything else says that it could not be asked.
 */
export function storeError(error: unknown): GatepostError {
  if (error instanceof GatepostError) return error
  const code = engineCode(error)
  return new GatepostError(
    classifyEngineCode(code),
    code === null ? messageOf(error) : `${code}: ${messageOf(error)}`,
    error,
  )
}
