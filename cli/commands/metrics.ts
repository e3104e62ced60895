import { Option, type Command } from 'commander'
import { METRICS, type MetricDefinition } from '../../reporter/metrics/definitions.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'
import { runOne, runSeries, type MetricOptions } from '../run-metric.ts'

/** `gatepost metrics NAME`: one command per metric, and `list`. */
export function registerMetrics(program: Command, context: Context): void {
  const metrics = program
    .command('metrics')
    .summary('compute a usage metric')
    .description('Compute a usage metric over whole UTC days, store it in table metrics and print it.')
    .addHelpText(
      'after',
      `
Examples:
  gatepost metrics list
  gatepost metrics account-usage --period week
  gatepost metrics unique-users --period month --date 2024-03-01 --json
  gatepost metrics active-users --from 2024-02-01 --to 2024-02-29 --csv`,
    )
  registerList(metrics, context)
  for (const metric of METRICS) registerMetric(metrics, context, metric)
}

function registerList(metrics: Command, context: Context): void {
  metrics
    .command('list')
    .description('List the metrics there are.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost metrics list --json')
    .action((options: { json?: true }) => {
      const rows = METRICS.map(({ name, periods, fields, rowsPer, description }) => {
        return { metric_name: name, periods, fields: Object.keys(fields.shape), rows_per: rowsPer ?? null, description }
      })
      if (options.json) context.output.json(rows)
      else {
        // The fields are too many for a line; each metric's help names them.
        const cells = rows.map((row) => [row.metric_name, row.periods.join(', '), row.description])
        context.output.line(table(['metric_name', 'periods', 'description'], cells))
      }
      context.exitStatus = EXIT.ok
    })
}

function registerMetric(metrics: Command, context: Context, metric: MetricDefinition): void {
  const { name, description, periods, fields, rowsPer } = metric
  const [period] = periods
  const [day, months] = period === 'hour' ? ['2024-03-01T13', '2024-03-01T00'] : ['2024-03-01', '2024-01-01']
  const sentence = `${description[0].toUpperCase()}${description.slice(1)}.`
  metrics
    .command(name)
    .summary(sentence)
    .description(
      `${sentence}\n\n` +
        `${rowsPer === undefined ? 'Fields' : `Fields of each ${rowsPer}`}: ${Object.keys(fields.shape).join(', ')}.`,
    )
    .addOption(new Option('--period <period>', 'length of the window').choices(periods).default(period))
    .addOption(new Option('--date <date>', DATE_HELP[period === 'hour' ? 'hour' : 'day']).conflicts(['from', 'to']))
    .option('--from <date>', 'a series: one result for each date D from this one on, in steps of the period')
    .option('--to <date>', 'the last date of the series (default: today)')
    .option('--partial', 'compute from the remaining raw data if part of it has expired; the result is not stored')
    .addOption(new Option('--json', 'print one JSON document: an object, or of a series an array').conflicts('csv'))
    .option('--csv', 'print CSV, with a line of headings')
    .addHelpText(
      'after',
      `
Examples:
  gatepost metrics ${name}
  gatepost metrics ${name} --period ${periods.at(-1)} --date ${day} --json
  gatepost metrics ${name} --from ${months} --to ${day} --csv`,
    )
    .action(async (options: MetricOptions) => {
      context.exitStatus =
        options.from === undefined ? await runOne(context, metric, options) : await runSeries(context, metric, options)
    })
}

const DATE_HELP = {
  day: 'UTC day D, as 2024-02-29: the window ends when D begins (default: today; tomorrow gives today so far)',
  hour: 'UTC hour D, as 2024-02-29T13: the window ends when D begins (default: this hour; the next gives this hour so far)',
} as const
