import type { Command } from 'commander'
import { GatepostError } from '../../common/errors.ts'
import type { Context } from '../context.ts'
import { MAX_SITES } from '../../demo/fleet.ts'
import { timeOption, wholeNumberOption } from '../options.ts'
import { effectiveConfig } from './effective-config.ts'

const MAX_SEED = 2 ** 31 - 1

/** `gatepost demo`: an instance filled with a month of generated data. */
export function registerDemo(program: Command, context: Context): void {
  program
    .command('demo')
    .summary('fill an empty data directory with a believable month, and serve it')
    .description(
      'Fill an empty data directory with the past of a generated fleet, through the listeners, and then continue like\n' +
        'gatepost serve with newly generated events, until Ctrl-C. A directory that is not empty is refused. Listens on\n' +
        '127.0.0.1 for reports, whatever GATEPOST_BIND says.',
    )
    .option('--days <n>', 'days of generated past', '30')
    .option('--sites <n>', `number of sites, 1 to ${MAX_SITES}`, '200')
    .option('--seed <n>', 'seed of the random fleet; the same seed and --until give the same fleet', '1')
    .option(
      '--until <time>',
      'end of the past, as 2024-02-29T13:00 or 2h (default: now, and the demo then continues in real time)',
    )
    .option('--no-serve', 'stop after filling')
    .addHelpText(
      'after',
      `
Examples:
  GATEPOST_DATA_DIR=./demo-data gatepost demo
  GATEPOST_DATA_DIR=./small gatepost demo --sites 10 --days 7 --no-serve`,
    )
    .action(async (options: { days: string; sites: string; seed: string; until?: string; serve: boolean }) => {
      const config = effectiveConfig(context)
      const now = new Date()
      const kept = Math.min(...Object.values(config.retention))
      // Rows of the first day must not expire while the demo is in use.
      const days = wholeNumberOption('--days', options.days, 1, kept - 2)
      const sites = wholeNumberOption('--sites', options.sites, 1, MAX_SITES)
      const seed = wholeNumberOption('--seed', options.seed, 0, MAX_SEED)
      const until = options.until === undefined ? null : timeOption('--until', options.until, now, -1).getTime()
      const age = until === null ? 0 : Math.ceil((now.getTime() - until) / 86_400_000)
      if (days + age > kept - 2) {
        throw new GatepostError(
          'INPUT_INVALID',
          `--until ${options.until}: the first of ${days} days would expire at once: rows are kept for ${kept} days`,
        )
      }
      const { demo } = await import('../../demo/demo.ts')
      context.exitStatus = await demo(config, { seed, days, sites, until, serves: options.serve }, context.output)
    })
}
