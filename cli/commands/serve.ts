import type { Command } from 'commander'
import { assertSupported, configWarnings, loadConfig } from '../config.ts'
import type { Context } from '../context.ts'

/** `gatepost serve`: everything on this machine. */
export function registerServe(program: Command, context: Context): void {
  program
    .command('serve')
    .summary('run everything on this machine')
    .description(
      'Run the listeners, the journal, the embedded store and its SQL endpoint, until SIGTERM or Ctrl-C.\n' +
        'Options are environment variables: gatepost config lists them.',
    )
    .addHelpText(
      'after',
      `
Examples:
  gatepost serve
  GATEPOST_DATA_DIR=/var/lib/gatepost GATEPOST_BIND=0.0.0.0 GATEPOST_WORKERS=2 gatepost serve`,
    )
    .action(async () => {
      const config = loadConfig(context.env)
      assertSupported(context.env)
      for (const warning of configWarnings(context.env)) context.output.note(`warning: ${warning}`)
      const { serve } = await import('../supervisor/serve.ts')
      context.exitStatus = await serve(config)
    })
}
