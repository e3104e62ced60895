import { Option, type Command } from 'commander'
import { METRICS, type MetricDefinition } from '../../reporter/definitions.ts'
import { computeMetric, requestedWindow, type MetricResult } from '../../reporter/metric.ts'
import type { Period } from '../../reporter/window.ts'
import { loadConfig } from '../config.ts'
import { withStore } from '../connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

interface MetricOptions {
  readonly period: Period
  readonly date?: string
  readonly json?: true
  readonly partial?: true
}

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
  gatepost metrics unique-users --period month --date 2024-03-01 --json`,
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
      const rows = METRICS.map(({ name, periods, fields, description }) => {
        return { metric_name: name, periods, fields: Object.keys(fields.shape), description }
      })
      if (options.json) context.output.json(rows)
      else {
        const cells = rows.map((row) => [
          row.metric_name,
          row.periods.join(', '),
          row.fields.join(', '),
          row.description,
        ])
        context.output.line(table(['metric_name', 'periods', 'fields', 'description'], cells))
      }
      context.exitStatus = EXIT.ok
    })
}

function registerMetric(metrics: Command, context: Context, metric: MetricDefinition): void {
  const { name, description, periods } = metric
  metrics
    .command(name)
    .description(`${description[0].toUpperCase()}${description.slice(1)}.`)
    .addOption(new Option('--period <period>', 'length of the window').choices(periods).default(periods[0]))
    .option(
      '--date <date>',
      'UTC day D, as 2024-02-29: the window ends when D begins (default: today; tomorrow gives today so far)',
    )
    .option('--partial', 'compute from what is left when the raw data is deleted in part; not stored')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost metrics ${name}
  gatepost metrics ${name} --period month --date 2024-03-01 --json`,
    )
    .action(async (options: MetricOptions) => {
      context.exitStatus = await run(context, metric, options)
    })
}

async function run(context: Context, metric: MetricDefinition, options: MetricOptions): Promise<number> {
  const config = loadConfig(context.env)
  const { period, date, partial = false, json = false } = options
  const request = { metric, period, date, partial, retentionDays: config.retentionDays, now: new Date() }
  requestedWindow(request)
  const note = (text: string) => context.output.note(text)
  const outcome = await withStore(config, note, (store) => computeMetric(store, request))
  if (outcome.outcome === 'expired') {
    note(
      `gatepost: ${metric.name}: raw data is kept for ${config.retentionDays} days and no result is stored for that ` +
        `window; the oldest complete day is ${outcome.oldestCompleteDay} (--partial computes from what is left)`,
    )
    return EXIT.noData
  }
  if (json) context.output.json(outcome.result)
  else printResult(context, outcome.result)
  return EXIT.ok
}

function printResult(context: Context, result: MetricResult): void {
  const { metric_name, period, date, stored, complete, ...fields } = result
  context.output.line(`${metric_name}, the ${period} before ${date} (UTC)`)
  context.output.line(table(['field', 'value'], Object.entries(fields)))
  if (stored) context.output.note('stored earlier: the raw data of this window is deleted')
  if (complete === false) context.output.note('partial: this window is not over, or its raw data is deleted in part')
}
