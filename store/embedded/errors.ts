import { GatepostError, messageOf } from '../../common/errors.ts'
import { classifyEngineCode } from '../engine-errors.ts'
import { engineCode } from '../sql.ts'

/**
 * Converts an error of the engine. It answers synchronously, in this process: an error with a code is its answer to the statement; anything
 * else means that the statement was not run.
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
