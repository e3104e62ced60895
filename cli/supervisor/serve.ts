import { GatepostError } from '../../common/errors.ts'
import type { Config } from '../config.ts'

/** Runs until a signal; the result is the exit status. */
export function serve(config: Config): Promise<number> {
  return Promise.reject(new GatepostError('CONFIG_INVALID', `serve of ${config.dataDir} is not part of this version`))
}
