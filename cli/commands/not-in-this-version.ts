import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'

/** Commands of the stable interface that this version lacks: listed, so that using one is not reported as a typing error. */
const MISSING = ['capacity'] as const

export function registerMissingCommands(program: Command, context: Context): void {
  for (const name of MISSING) {
    program
      .command(name, { hidden: true })
      .helpOption(false)
      .allowUnknownOption()
      .argument('[arguments...]')
      .action(() => {
        context.output.note(`gatepost ${name} is not part of this version`)
        context.exitStatus = EXIT.usage
      })
  }
}
