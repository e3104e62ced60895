import { lockDirectory } from '../../common/directory-lock.ts'
import type { Logger } from '../../common/logger.ts'
import type { AccessLog } from '../../access/log.ts'
import type { LogWriter } from '../../log/contract.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import { makeDirectory } from '../../log/journal/disk.ts'
import { SLOT_LOCK, slotDirectory } from '../../log/journal/layout.ts'
import { recoverSlot } from '../../log/journal/recover.ts'
import { JournalWriter } from '../../log/journal/writer.ts'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'
import { journalMetrics } from '../../ingest/metrics.ts'

/** A worker's share of the directory that takes what it acknowledges: the journal, or where Kafka's outages are bridged. */
export interface SlotOptions {
  /** <data directory>/journal or <data directory>/spill. */
  readonly directory: string
  /** Which part of it this worker writes. */
  readonly slot: number
  /** Bound of that part. */
  readonly maxBytes: number
  readonly segmentMaxBytes: number
  readonly sealAfterMs: number
}

/** Where a worker's batches go: plain data, so that it can be sent to another process. */
export type IngestLogOptions =
  | ({
      readonly kind: 'journal'
      /** Where the access decisions are: the data directory. */
      readonly accessDirectory: string
    } & SlotOptions)
  | {
      readonly kind: 'kafka'
      readonly kafka: Omit<KafkaOptions, 'logger'>
      readonly topicPrefix: string
      readonly spill: SlotOptions
      /**
       * The worker may answer before it has read the access decisions: the token key is known to be this installation's, or Kafka is
       * away and heartbeats and logins are kept on disk.
       */
      readonly answersAtOnce: boolean
    }

/** A worker's way into the record log. */
export interface IngestLog {
  readonly writer: LogWriter
  /** What operators, policies and the portal decided. */
  readonly access: AccessLog
  /** What it reports beside the worker. */
  metrics(): Promise<object[]>
  close(): Promise<void>
}

/** A predecessor that is being killed may hold the slot for a moment. */
const SLOT_WAIT_MS = 15_000

/**
 * Takes the slot and recovers what its last worker left.
 * @throws GatepostError DIRECTORY_LOCKED; CONFIG_INVALID: the installation has another token key; LOG_UNAVAILABLE
 */
export async function openIngestLog(
  options: IngestLogOptions,
  secrets: readonly string[],
  logger: Logger,
): Promise<IngestLog> {
  if (options.kind === 'journal') return openJournal(options, logger)
  // The Kafka client is loaded only by those who need it.
  const { openKafkaLog } = await import('./kafka-log.ts')
  return openKafkaLog(options, secrets, logger)
}

async function openJournal(
  options: Extract<IngestLogOptions, { kind: 'journal' }>,
  logger: Logger,
): Promise<IngestLog> {
  const directory = slotDirectory(options.directory, options.slot)
  await makeDirectory(directory)
  const lock = await lockDirectory(directory, SLOT_LOCK, SLOT_WAIT_MS)
  await recoverSlot(directory, logger)
  const { maxBytes, segmentMaxBytes, sealAfterMs } = options
  const writer = await JournalWriter.open({ directory, maxBytes, segmentMaxBytes, sealAfterMs, logger })
  const access = await FileAccessLog.open(options.accessDirectory, logger)
  return {
    writer,
    access,
    metrics: () => journalMetrics(writer, access).json(),
    close: async () => {
      await writer.close()
      await access.close()
      await lock.release()
    },
  }
}
