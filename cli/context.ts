import type { Environment } from '../runtime/config/config.ts'
import type { Output } from '../common/output.ts'

/** What a command is given besides its arguments. */
export interface Context {
  readonly env: Environment
  readonly output: Output
  /** The package's version. */
  readonly version: string
  /** Set by the command that ran: the process's exit status. */
  exitStatus: number
}
