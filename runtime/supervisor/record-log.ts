import { join } from 'node:path'
import { GatepostError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { IngestLogOptions, SlotOptions } from '../ingest-process/ingest-log.ts'
import { compactAccessLog, keepCompact } from '../../access/journal-compaction.ts'
import { archiveDirectory } from '../../log/journal/archive.ts'
import { makeDirectory } from '../../log/journal/disk.ts'
import { existingSlots } from '../../log/journal/layout.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import type { Config } from '../config/config.ts'
import { journalId } from './journal-id.ts'
import { kafkaAddressOfIngest } from './kafka-log.ts'
import type { AccessDescription, ReaderLog } from '../messages.ts'
import { orphanSlots, recoverSlots, waitingBytes } from './slots.ts'

/** The record log of one instance with ingest workers: the journal or Kafka. */
export interface RecordLog {
  readonly reader: ReaderLog
  readonly access: AccessDescription
  /** Kafka cannot be reached now, which may be an outage. */
  readonly away: boolean
  /** Options of the worker of a slot. `secretKnown`: a worker has compared the token key with the installation's. */
  worker(slot: number, secretKnown: boolean): IngestLogOptions
  /**
   * After all workers have ended: seals the segments that they left open.
   * @returns bytes of acknowledged records that stay on this machine's disk until the next start, not counting those that a reader of the
   *   log finds
   */
  settle(): Promise<number>
}

const DAY_MS = 24 * 3_600_000

/** The directory of acknowledged records, by kind of log. */
const DIRECTORIES = { journal: 'journal', kafka: 'spill' } as const

/**
 * Checks and prepares the configured record log.
 * @throws GatepostError CONFIG_INVALID; LOG_UNAVAILABLE, LOG_MISCONFIGURED: the message says what is wrong with Kafka
 */
export async function prepareRecordLog(config: Config, dataDir: string, logger: Logger): Promise<RecordLog> {
  return config.kafkaBrokers === undefined
    ? prepareJournal(config, dataDir, logger)
    : prepareKafka(config, dataDir, logger)
}

async function prepareJournal(config: Config, dataDir: string, logger: Logger): Promise<RecordLog> {
  refuseOther(join(dataDir, DIRECTORIES.kafka), 'set GATEPOST_KAFKA_BROKERS as before')
  const directory = join(dataDir, DIRECTORIES.journal)
  await makeDirectory(directory)
  await recoverSlots(directory, orphanSlots(directory, config.workers), logger)
  keepCompact(dataDir, (await compactAccessLog(dataDir, Date.now())) ?? 0, logger)
  const slotOf = slots(config, directory)
  // The embedded store has one journal; a server may be fed by several, which need distinct names.
  const partition = config.clickhouseUrl === undefined ? 'journal' : `journal-${await journalId(directory)}`
  return {
    reader: { kind: 'journal', directory, partition, archive: archiveOf(config, dataDir) },
    access: { kind: 'file', dataDir },
    away: false,
    worker: (slot) => ({ kind: 'journal', accessDirectory: dataDir, ...slotOf(slot) }),
    settle: async () => {
      await recoverSlots(directory, existingSlots(directory), logger)
      // What is left in the journal is reported by its reader.
      return 0
    },
  }
}

async function prepareKafka(config: Config, dataDir: string, logger: Logger): Promise<RecordLog> {
  refuseOther(join(dataDir, DIRECTORIES.journal), 'leave GATEPOST_KAFKA_BROKERS unset')
  const { reader, access, kafka, away } = await kafkaAddressOfIngest(config, logger)
  const directory = join(dataDir, DIRECTORIES.kafka)
  await makeDirectory(directory)
  const slotOf = slots(config, directory)
  return {
    reader,
    access,
    away,
    worker: (slot, secretKnown) => ({
      kind: 'kafka',
      kafka: { ...kafka, clientId: `${kafka.clientId}-ingest-${slot}` },
      topicPrefix: config.kafkaTopicPrefix,
      spill: slotOf(slot),
      answersAtOnce: secretKnown || away,
    }),
    settle: async () => {
      await recoverSlots(directory, existingSlots(directory), logger)
      return waitingBytes(directory)
    },
  }
}

/** Segments are not kept longer than their table's rows: they could not be replayed, and names and MACs must not outlive the tables. */
function archiveOf({ archiveMaxBytes: maxBytes, retention }: Config, dataDir: string) {
  if (maxBytes === 0) return null
  const ages = STREAMS.map((stream) => [stream, retention[stream] * DAY_MS])
  const maxAgeMs = Object.fromEntries(ages) as Record<Stream, number>
  return { directory: archiveDirectory(dataDir), maxBytes, maxAgeMs }
}

/** The slots share the maximum size. */
function slots(config: Config, directory: string): (slot: number) => SlotOptions {
  const count = config.workers + orphanSlots(directory, config.workers).length
  return (slot) => ({
    directory,
    slot,
    maxBytes: Math.floor(config.journalMaxBytes / count),
    segmentMaxBytes: config.segmentMaxBytes,
    sealAfterMs: config.segmentMaxMs,
  })
}

/** Refuses to start if the other kind of log still holds acknowledged records, which would never be stored. */
function refuseOther(directory: string, before: string): void {
  const bytes = waitingBytes(directory)
  if (bytes === 0) return
  throw new GatepostError(
    'CONFIG_INVALID',
    `${directory} holds ${bytes} bytes of acknowledged records that are not stored yet, and this configuration would not read them: ` +
      `${before}, start, and stop again once the directory is empty`,
  )
}
