import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GatepostError } from '../../common/errors.ts'
import { lowerPriority } from '../../common/lower-priority.ts'
import { JournalFollower } from '../../log/journal/follow.ts'
import type { Batch } from '../../schemas/batch.ts'
import { recordSpans } from '../../schemas/record-spans.ts'
import { decodeRecord, type DecodedRecord } from '../../schemas/record.ts'
import { AuditLog } from '../../store/audit-log.ts'
import type { Config } from '../config/config.ts'
import { kafkaOptions } from '../config/kafka-options.ts'
import { quietLogger, withStore } from '../instance/connect.ts'
import { matcher, TAILED, type TailedName, type TailFilter } from './filter.ts'

export interface TailRequest {
  readonly name: TailedName
  readonly filter: TailFilter
  /** Ends after so many records; null: runs until it is stopped. */
  readonly limit: number | null
}

export interface TailOutput {
  /** @returns false: it could not take the record, which is skipped */
  record(record: DecodedRecord): boolean
  note(text: string): void
  /** Aborted when the command is to end. */
  readonly stopped: AbortSignal
}

const REPORT_MS = 1000
/** Nice value. */
const BACKGROUND_PRIORITY = 10

/**
 * Shows records of a stream as they are acknowledged, from the journal or Kafka. Takes nothing from the log and holds nothing up: what the
 * output does not take is skipped and counted. It is recorded in table audit_log first.
 * @throws GatepostError of the tables: then nothing is shown; LOG_UNAVAILABLE; CONFIG_INVALID: there is no log here
 */
export async function tail(config: Config, request: TailRequest, output: TailOutput): Promise<void> {
  if (config.kafkaBrokers === undefined && !existsSync(join(config.dataDir, 'journal'))) {
    throw new GatepostError(
      'CONFIG_INVALID',
      `GATEPOST_DATA_DIR=${config.dataDir}: there is no journal, and GATEPOST_KAFKA_BROKERS is not set`,
    )
  }
  await audit(config, request, output)
  // Answering gateways comes first.
  lowerPriority(BACKGROUND_PRIORITY)
  const finished = new AbortController()
  const shown = new Shown(request, output, () => finished.abort())
  const report = setInterval(() => shown.report(), REPORT_MS)
  const ended = new Promise<void>((resolve) => {
    for (const signal of [output.stopped, finished.signal]) signal.addEventListener('abort', () => resolve())
    if (output.stopped.aborted) resolve()
  })
  try {
    if (config.kafkaBrokers === undefined) await followJournal(config, request.name, shown, output, ended)
    else await followKafka(config, request.name, shown, output, ended)
  } finally {
    clearInterval(report)
    shown.report()
  }
}

/** Who looks at people is recorded, as on the dashboard. */
async function audit(config: Config, { name, filter }: TailRequest, output: TailOutput): Promise<void> {
  const subject = [name, ...Object.entries(filter).map(([key, value]) => `${key}=${value}`)].join(' ')
  await withStore(
    config,
    (text) => output.note(text),
    (store) =>
      new AuditLog(store, quietLogger()).record(
        { who: 'local', action: 'records_followed', subject, remoteIp: '' },
        new Date(),
      ),
  )
}

async function followJournal(
  { dataDir }: Config,
  name: TailedName,
  shown: Shown,
  output: TailOutput,
  ended: Promise<void>,
): Promise<void> {
  const follower = new JournalFollower(join(dataDir, 'journal'), TAILED[name].stream, (batch) => shown.batch(batch))
  await follower.begin()
  output.note(`following ${name} in the journal of ${dataDir}`)
  void ended.then(() => follower.stop())
  await follower.run()
  if (follower.unreadable > 0) output.note(`${follower.unreadable} segments are of a later version and were left out`)
}

async function followKafka(
  config: Config,
  name: TailedName,
  shown: Shown,
  output: TailOutput,
  ended: Promise<void>,
): Promise<void> {
  // Load the Kafka client only when it is needed.
  const { followTopic } = await import('../../log/kafka/follow.ts')
  const logger = quietLogger()
  const following = await followTopic({
    kafka: kafkaOptions(config, 'gatepost-tail', logger),
    topicPrefix: config.kafkaTopicPrefix,
    stream: TAILED[name].stream,
    onBatch: (batch) => shown.batch(batch),
    logger,
  })
  output.note(`following ${name} in Kafka`)
  await ended
  await following.stop()
  if (following.unreadable() > 0) output.note(`${following.unreadable()} messages could not be read and were left out`)
}

/** The records that match, up to the limit. */
class Shown {
  readonly #matches: (record: DecodedRecord) => boolean
  readonly #output: TailOutput
  readonly #limit: number
  readonly #full: () => void
  #count = 0
  #skipped = 0

  constructor({ name, filter, limit }: TailRequest, output: TailOutput, full: () => void) {
    this.#matches = matcher(name, filter)
    this.#output = output
    this.#limit = limit ?? Infinity
    this.#full = full
  }

  batch({ schema, records, recordCount }: Batch): void {
    const { offsets } = recordSpans(schema, records, recordCount)
    for (let index = 0; index + 1 < offsets.length && this.#count < this.#limit; index++) {
      const record = decodeRecord(schema, records.subarray(offsets[index], offsets[index + 1]))
      if (!this.#matches(record)) continue
      if (this.#output.record(record)) this.#count++
      else this.#skipped++
    }
    if (this.#count >= this.#limit) this.#full()
  }

  report(): void {
    if (this.#skipped === 0) return
    this.#output.note(`${this.#skipped} records were skipped: the output does not keep up`)
    this.#skipped = 0
  }
}
