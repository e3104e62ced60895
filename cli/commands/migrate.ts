import type { Command } from 'commander'
import { loadConfig } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'

/** `gatepost migrate`: takes an instance with an embedded store to a ClickHouse server and Kafka. */
export function registerMigrate(program: Command, context: Context): void {
  program
    .command('migrate')
    .summary('take an instance of one machine to ClickHouse and Kafka')
    .description(
      'Take the tables and decisions of GATEPOST_DATA_DIR to the server of GATEPOST_CLICKHOUSE_URL, whose tables must be empty, and to Kafka\n' +
        '(GATEPOST_KAFKA_BROKERS). Run it while the instance runs, as often as you like: it copies the hours that are over. Then stop the\n' +
        'instance and run it once more: it copies the rest and compares. It may be interrupted, and repeated. docs/moving.md.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost migrate\n  gatepost migrate --json')
    .action(async ({ json }: { json?: true }) => {
      const config = loadConfig(context.env)
      const { migrate } = await import('../../runtime/move/migrate.ts')
      const progress = (what: string) => {
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${what}`)
      }
      const result = await migrate(config, progress)
      progress('')
      if (json) context.output.json(result)
      else if (result.finished) {
        context.output.line(
          `moved: ${result.rows} rows were copied in this run, every raw table is the same on both sides, and ${result.decisions} decisions are in Kafka`,
        )
      } else {
        context.output.line(
          `${result.rows} rows of hours that are over were copied. Stop the instance and run gatepost migrate again to finish`,
        )
      }
      context.exitStatus = EXIT.ok
    })
}
