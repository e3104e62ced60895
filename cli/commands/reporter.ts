import type { Command } from 'commander'
import { requireVariables } from '../../runtime/config/required.ts'
import type { Context } from '../context.ts'
import { effectiveConfig } from './effective-config.ts'

/** `gatepost reporter`: computes the usage metrics on a schedule. */
export function registerReporter(program: Command, context: Context): void {
  program
    .command('reporter')
    .summary('keep the usage metrics of a ClickHouse server current')
    .description(
      'Bring the tables up to date, then compute the usage metrics of every day, week (on Mondays) and month (on the first) ' +
        'into table metrics, ten minutes after midnight UTC, until SIGTERM or Ctrl-C. Days of the last seven that were missed ' +
        'are caught up at the start. Serves the dashboard and report API. It keeps nothing on disk. GATEPOST_CLICKHOUSE_URL is required.',
    )
    .addHelpText(
      'after',
      `
Examples:
  GATEPOST_CLICKHOUSE_URL=http://user:pass@host:8123/gatepost gatepost reporter`,
    )
    .action(async () => {
      const config = effectiveConfig(context)
      requireVariables(config, 'reporter', ['clickhouseUrl'])
      const { reporter } = await import('../../runtime/supervisor/reporter.ts')
      context.exitStatus = await reporter(config)
    })
}
