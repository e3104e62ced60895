import { InvalidArgumentError, Option, type Command } from 'commander'
import { GatepostError } from '../../common/errors.ts'
import type { Bound } from '../../log/kafka/range.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'
import type { ReplayOutcome, ReplayRequest } from '../../runtime/replay/replay.ts'

interface Options {
  readonly topic?: Stream
  readonly partition?: number
  readonly from?: Bound
  readonly to?: Bound
  readonly archive?: true
  readonly json?: true
}

/** `gatepost replay`: inserts records of the log or the archive that are missing from the tables. */
export function registerReplay(program: Command, context: Context): void {
  program
    .command('replay')
    .summary('insert records of the log that are missing from the tables')
    .description(
      'Read records again from Kafka, or from the archive of the journal, and insert those that are missing from the tables.\n' +
        'Expired records and records of erased subjects are skipped. From Kafka it reads only records that the aggregators have\n' +
        'committed: the rest is left to them. It may run while they run.',
    )
    .addOption(new Option('--topic <topic>', 'only this stream of records').choices([...STREAMS]))
    .option('--partition <number>', 'only this partition of Kafka; with --topic', partitionNumber)
    .option('--from <offset|time>', 'first offset, or time as 2024-02-29 or 2024-02-29T12:00Z', bound)
    .option('--to <offset|time>', 'the offset or time before which it ends', bound)
    .option('--archive', 'read the archive of the journal (GATEPOST_ARCHIVE_MAX_BYTES)')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost replay --topic post_auth --from 2024-02-29T12:00Z --to 2024-02-29T13:00Z
  gatepost replay --topic gateway_pings --partition 3 --from 1000 --to 2000
  gatepost replay --archive --from 2024-02-29 --json`,
    )
    .action(async (options: Options) => {
      const config = loadConfig(context.env)
      const request = requestOf(options)
      // Load the Kafka client and the engine only when they are needed.
      const { replay } = await import('../../runtime/replay/replay.ts')
      const outcomes = await replay(config, request, {
        note: (text) => context.output.note(text),
        progress: (text) => {
          if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
        },
      })
      if (options.json) context.output.json(outcomes)
      else context.output.line(outcomeTable(outcomes))
      context.exitStatus = outcomes.some(({ partial }) => partial > 0) ? EXIT.failed : EXIT.ok
      if (context.exitStatus === EXIT.failed) context.output.note(PARTIAL)
    })
}

const PARTIAL =
  'gatepost: some batches (column partial) are partly in the table; they were skipped, since a batch is inserted whole or not at all. ' +
  'If the missing rows were deleted by hand, delete all rows of the batch_id and replay again'

const COLUMNS = ['read', 'rows', 'present', 'expired', 'erased', 'partial', 'dead_letters'] as const

function outcomeTable(outcomes: readonly ReplayOutcome[]): string {
  return table(
    ['part', ...COLUMNS],
    outcomes.map((outcome) => [outcome.part, ...COLUMNS.map((column) => outcome[column])]),
  )
}

function requestOf(options: Options): ReplayRequest {
  const { topic, partition, from, to } = options
  const archive = options.archive === true
  if (partition !== undefined && (topic === undefined || archive)) {
    throw new GatepostError('INPUT_INVALID', '--partition needs --topic, and is not for --archive')
  }
  const offset = [from, to].some((one) => one !== undefined && 'offset' in one)
  if (offset && (archive || partition === undefined)) {
    throw new GatepostError(
      'INPUT_INVALID',
      'an offset belongs to one partition: give --topic and --partition, or use times',
    )
  }
  return {
    streams: topic === undefined ? STREAMS : [topic],
    archive,
    ...(partition === undefined ? {} : { partition }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}

function partitionNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('Allowed is a whole number, from 0.')
  return Number(text)
}

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/

function bound(text: string): Bound {
  if (/^\d{1,15}$/.test(text)) return { offset: Number(text) }
  const time = TIME.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(time)) throw new InvalidArgumentError('Allowed is an offset, or a UTC time as 2024-02-29T12:00Z.')
  return { time }
}
