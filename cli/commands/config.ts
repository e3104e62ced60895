import type { Command } from 'commander'
import { configWarnings, describeConfig, loadConfig } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

/** `gatepost config`: the effective configuration, or what is wrong with it. */
export function registerConfig(program: Command, context: Context): void {
  program
    .command('config')
    .summary('print the effective configuration')
    .description('Print the effective configuration and where each value comes from. Secrets are masked.')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost config
  GATEPOST_WORKERS=4 gatepost config --json`,
    )
    .action((options: { json?: true }) => {
      const entries = describeConfig(context.env)
      for (const warning of configWarnings(context.env)) context.output.note(`warning: ${warning}`)
      loadConfig(context.env)
      if (options.json) {
        context.output.json(
          entries.map(({ variable, value, source, description }) => ({ variable, value, source, description })),
        )
      } else {
        const rows = entries.map(({ variable, value, unset, source }) => [variable, value ?? unset, source])
        context.output.line(table(['variable', 'value', 'source'], rows))
      }
      context.exitStatus = EXIT.ok
    })
}
