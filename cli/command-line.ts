import { CommanderError } from 'commander'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Output } from '../common/output.ts'
import { packageVersion } from '../common/package-root.ts'
import type { Environment } from '../runtime/config/config.ts'
import type { Context } from './context.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { buildProgram } from './program.ts'

/** Runs one command line. The result is the exit status. */
export async function runCommandLine(arguments_: readonly string[], env: Environment, output: Output): Promise<number> {
  const context: Context = { env, output, version: packageVersion(), exitStatus: EXIT.ok }
  try {
    await buildProgram(context).parseAsync(arguments_, { from: 'user' })
    return context.exitStatus
  } catch (error) {
    // commander has printed its help or its message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    context.output.note(describeError(error))
    return error instanceof GatepostError ? exitCodeOf(error.code) : EXIT.failed
  }
}

function describeError(error: unknown): string {
  if (error instanceof GatepostError && error.code === 'CONFIG_INVALID') {
    return `gatepost: wrong configuration\n${indented(error.message)}`
  }
  const message = messageOf(error)
  return message.includes('\n') ? `gatepost:\n${indented(message)}` : `gatepost: ${message}`
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ')
}
