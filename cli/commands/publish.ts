import { Option, type Command } from 'commander'
import { GatepostError } from '../../common/errors.ts'
import { parseDate } from '../../reporter/metrics/metric.ts'
import { draft, metricsOf, publish, type PublishRequest } from '../../reporter/publish/publish.ts'
import { listPublications } from '../../reporter/publish/publications.ts'
import { PUBLISHERS } from '../../reporter/publish/publisher.ts'
import { publishersOf } from '../../reporter/publish/publishers.ts'
import type { TableStore } from '../../store/table-store.ts'
import type { Period } from '../../reporter/metrics/window.ts'
import { loadConfig, type Config } from '../../runtime/config/config.ts'
import { withStore } from '../../runtime/instance/connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { lineLimit } from '../options.ts'
import { table } from '../output.ts'
import { publisherOptions } from '../../runtime/config/publish-options.ts'
import { terminalLine } from '../../common/terminal-line.ts'

const SETS: Readonly<Record<string, Period>> = { hourly: 'hour', daily: 'day', weekly: 'week', monthly: 'month' }

interface Options {
  readonly date?: string
  readonly only?: string[]
  readonly to?: string[]
  readonly again?: true
  readonly dryRun?: true
  readonly json?: true
}

/** `gatepost publish`: sends the metrics of a period to the publishers. */
export function registerPublish(program: Command, context: Context): void {
  const command = program
    .command('publish')
    .summary('compute the metrics of a period and send them to the publishers')
    .description(
      'Compute every metric of a period and send it to the publishers that GATEPOST_PUBLISH names. Sending twice changes\n' +
        'nothing: unchanged results are skipped, and every result has its own key. `gatepost reporter` and `gatepost serve`\n' +
        'do the same on a schedule.',
    )
    .addHelpText(
      'after',
      `
Examples:
  gatepost publish daily
  gatepost publish monthly --date 2024-03-01 --only active-users --to s3
  gatepost publish daily --dry-run
  gatepost publish status --failed`,
    )
  for (const [name, period] of Object.entries(SETS)) registerSet(command, context, name, period)
  registerStatus(command, context)
}

function registerSet(publishCommand: Command, context: Context, name: string, period: Period): void {
  const names = metricsOf(period).map((metric) => metric.name)
  const [unit, example] = period === 'hour' ? ['hour', '2024-03-01T13'] : ['day', '2024-03-01']
  publishCommand
    .command(name)
    .description(`Publish the metrics of the ${period} before a date: ${names.join(', ')}.`)
    .option('--date <date>', `UTC ${unit} D, as ${example}: the ${period} ends when D begins (default: the latest)`)
    .addOption(new Option('--only <metric...>', 'these metrics only').choices(names))
    .addOption(new Option('--to <publisher...>', 'these publishers only').choices(PUBLISHERS))
    .option('--again', 'send also what was sent before and has not changed')
    .option('--dry-run', 'show what would be sent, and send nothing')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `\nExamples:\n  gatepost publish ${name} --date ${example}\n  gatepost publish ${name} --dry-run`,
    )
    .action(async (options: Options) => {
      context.exitStatus = await runSet(context, period, options)
    })
}

async function runSet(context: Context, period: Period, options: Options): Promise<number> {
  const config = loadConfig(context.env)
  const now = new Date()
  if (options.date !== undefined) parseDate(period, options.date, now)
  const publishers = chosen(config, options)
  return withStore(
    config,
    (text) => context.output.note(text),
    (store) => {
      const request: PublishRequest = {
        store,
        publishers: publishersOf({ ...publisherOptions(config), publish: publishers }, (line) =>
          context.output.line(line),
        ),
        period,
        date: options.date,
        only: options.only,
        retention: config.retention,
        now,
        again: options.again ?? false,
        progress: (metric, publisher) => terminalLine(`${metric} to ${publisher} ...`),
      }
      return options.dryRun ? showDraft(context, request, options) : send(context, request, options)
    },
  )
}

/** Standard output is there without being named by GATEPOST_PUBLISH: it needs no configuration. */
const UNCONFIGURED = 'stdout'

function chosen(config: Config, { to, dryRun }: Options): NonNullable<Config['publish']> {
  const configured = config.publish ?? []
  const available = [...configured, ...(configured.includes(UNCONFIGURED) ? [] : ([UNCONFIGURED] as const))]
  const missing = to?.filter((name) => !available.some((other) => other === name)) ?? []
  if (missing.length > 0) {
    throw new GatepostError(
      'INPUT_INVALID',
      `--to ${missing.join(', ')}: GATEPOST_PUBLISH names ${configured.join(', ') || 'none'}; ${UNCONFIGURED} is always there`,
    )
  }
  if (to !== undefined) return available.filter((name) => to.includes(name))
  if (configured.length > 0) return configured
  if (dryRun) return [UNCONFIGURED]
  throw new GatepostError(
    'CONFIG_INVALID',
    `GATEPOST_PUBLISH is not set: it names the publishers, such as file or s3; --to ${UNCONFIGURED} prints instead`,
  )
}

async function showDraft(context: Context, request: PublishRequest, { json }: Options): Promise<number> {
  const drafts = await draft(request)
  if (json) {
    context.output.json(drafts.map((entry) => ({ ...entry, body: JSON.parse(entry.body) as unknown })))
  } else for (const { publisher, target, body } of drafts) context.output.line(`${publisher} ${target}\n${body}`)
  return EXIT.ok
}

async function send(context: Context, request: PublishRequest, { json }: Options): Promise<number> {
  const outcomes = await publish(request)
  terminalLine('')
  if (json) context.output.json(outcomes)
  else {
    const rows = outcomes.map(({ publisher, metric_name, date, status, answer }) => [
      publisher,
      metric_name,
      date,
      status,
      answer,
    ])
    // Standard output belongs to the publisher stdout.
    context.output.note(table(['publisher', 'metric_name', 'date', 'status', 'answer'], rows))
  }
  if (outcomes.some(({ status }) => status === 'failed')) return EXIT.failed
  return outcomes.some(({ status }) => status === 'skipped') ? EXIT.noData : EXIT.ok
}

function registerStatus(publishCommand: Command, context: Context): void {
  publishCommand
    .command('status')
    .description('Show what was sent to which publisher, and failures with the answers; latest first.')
    .option('--failed', 'only what failed')
    .option('--limit <n>', 'maximum number of lines', '100')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost publish status\n  gatepost publish status --failed --json')
    .action(async (options: { failed?: true; limit: string; json?: true }) => {
      const config = loadConfig(context.env)
      const limit = lineLimit(options.limit)
      const list = (store: TableStore) => listPublications(store, { failed: options.failed ?? false, limit })
      const rows = await withStore(config, (text) => context.output.note(text), list)
      if (options.json) context.output.json(rows)
      else {
        const cells = rows.map((row) => [
          row.published_at,
          row.publisher,
          row.metric_name,
          row.period,
          row.period === 'hour' ? `${row.date}T${String(row.hour).padStart(2, '0')}` : row.date,
          row.status,
          row.attempts,
          row.answer,
        ])
        const headings = ['published_at', 'publisher', 'metric_name', 'period', 'date', 'status', 'attempts', 'answer']
        context.output.line(table(headings, cells))
      }
      context.exitStatus = EXIT.ok
    })
}
