import { ErasedSubjects } from '../../privacy/erased.ts'
import { emptyTotals, replayPart, type ReplayOptions, type ReplayTotals } from '../../aggregator/replay.ts'
import { GatepostError } from '../../common/errors.ts'
import { archiveDirectory, assertArchive, readArchive } from '../../log/journal/archive.ts'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'
import { partitionsOf, readRange, type Bound, type RangeOptions } from '../../log/kafka/range.ts'
import { kafkaTopic, partitionName } from '../../log/kafka/topic-names.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Store } from '../../store/contract.ts'
import { kafkaOptions } from '../config/kafka-options.ts'
import type { Config } from '../config/config.ts'
import { quietLogger, withFullStore } from '../instance/connect.ts'
import { knownKeys } from '../supervisor/secret.ts'

export interface ReplayRequest {
  readonly streams: readonly Stream[]
  readonly archive: boolean
  readonly partition?: number
  readonly from?: Bound
  readonly to?: Bound
}

interface Terminal {
  note(text: string): void
  /** Progress, overwritten on one line. */
  progress(text: string): void
}

/** The result for one part of the log; counts are batches, except rows and dead letters. */
export type ReplayOutcome = { readonly part: string; readonly dead_letters: number } & Omit<ReplayTotals, 'deadLetters'>

/** Replays the requested parts of the log. @throws GatepostError of the log and the store */
export function replay(config: Config, request: ReplayRequest, terminal: Terminal): Promise<ReplayOutcome[]> {
  // Report missing sources before anything is opened.
  if (request.archive) assertArchive(archiveDirectory(config.dataDir))
  else kafkaToReplay(config)
  return withFullStore(
    config,
    (text) => terminal.note(text),
    async (store) => {
      const erased = await ErasedSubjects.load(store, () => knownKeys(config))
      const { retention } = config
      const outcomes: ReplayOutcome[] = []
      try {
        for (const stream of request.streams) {
          const options = { store, stream, erased, retention }
          outcomes.push(
            ...(request.archive
              ? [await replayArchive(config, request, options, terminal)]
              : await replayKafka(config, request, options, terminal)),
          )
        }
        return outcomes
      } finally {
        terminal.progress('')
      }
    },
  )
}

function kafkaToReplay(config: Config): KafkaOptions {
  if (config.kafkaBrokers === undefined) {
    const what = 'gatepost replay reads Kafka; with --archive it reads the archive of the journal'
    throw new GatepostError('CONFIG_INVALID', `GATEPOST_KAFKA_BROKERS is not set: ${what}`)
  }
  return kafkaOptions(config, 'gatepost-replay', quietLogger())
}

type Common = Omit<ReplayOptions, 'partition'> & { readonly store: Store }

async function replayKafka(
  config: Config,
  request: ReplayRequest,
  common: Common,
  terminal: Terminal,
): Promise<ReplayOutcome[]> {
  const logger = quietLogger()
  const kafka = kafkaToReplay(config)
  const { kafkaTopicPrefix: topicPrefix, kafkaGroup: committedBy } = config
  const { stream } = common
  const partitions =
    request.partition === undefined ? await partitionsOf(kafka, topicPrefix, stream) : [request.partition]
  const outcomes: ReplayOutcome[] = []
  for (const partition of partitions) {
    const name = partitionName(kafkaTopic(topicPrefix, stream), partition)
    const totals = emptyTotals()
    const range: RangeOptions = {
      kafka,
      topicPrefix,
      stream,
      partition,
      committedBy,
      logger,
      ...(request.from === undefined ? {} : { from: request.from }),
      ...(request.to === undefined ? {} : { to: request.to }),
    }
    for await (const part of readRange(range)) {
      await replayPart({ ...common, partition: name }, part, totals)
      terminal.progress(`${name}: offset ${part.next} of ${part.end}${rowsText(totals)}`)
    }
    outcomes.push(printable(name, totals))
  }
  return outcomes
}

async function replayArchive(
  config: Config,
  request: ReplayRequest,
  common: Common,
  terminal: Terminal,
): Promise<ReplayOutcome> {
  const { stream } = common
  const totals = emptyTotals()
  const parts = readArchive(
    archiveDirectory(config.dataDir),
    stream,
    timeOf(request.from, 0),
    timeOf(request.to, Infinity),
  )
  for await (const { batches, bytesRead, bytesInAll, damaged } of parts) {
    if (damaged > 0) {
      terminal.note(`gatepost: damaged segments of ${stream}: ${damaged}. What is intact of them is replayed.`)
    }
    await replayPart({ ...common, partition: 'archive' }, { batches, letters: [] }, totals)
    terminal.progress(`${stream}: ${Math.round((100 * bytesRead) / Math.max(1, bytesInAll))} %${rowsText(totals)}`)
  }
  return printable(stream, totals)
}

function rowsText({ rows }: ReplayTotals): string {
  return rows === 0 ? '' : `, ${rows} rows inserted`
}

function timeOf(bound: Bound | undefined, missing: number): number {
  if (bound === undefined) return missing
  if ('time' in bound) return bound.time
  throw new GatepostError('INPUT_INVALID', 'an archive has no offsets')
}

function printable(part: string, { deadLetters, ...totals }: ReplayTotals): ReplayOutcome {
  return { part, ...totals, dead_letters: deadLetters }
}
