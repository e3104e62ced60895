import { CommanderError } from 'commander'
import { GatepostError, messageOf } from '../common/errors.ts'
import { packageVersion } from '../common/package-root.ts'
import type { Context } from './context.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { terminal } from './output.ts'
import { buildProgram } from './program.ts'

// The data directory holds people's names and MACs, so new files are readable by their owner only. Child processes inherit the mask.
process.umask(0o077)

/** Runs one command line. The result is the exit status. */
async function main(arguments_: readonly string[]): Promise<number> {
  const context: Context = { env: process.env, output: terminal, version: packageVersion(), exitStatus: EXIT.ok }
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

// `gatepost locations list
// head` closes the pipe early; that is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  throw error
})

const status = await main(process.argv.slice(2))
// Exit explicitly: threads of the engine may keep the event loop alive. Flush the output first.
process.stdout.write('', () => process.exit(status))
