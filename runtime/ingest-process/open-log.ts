import { lockDirectory } from '../../common/directory-lock.ts'
import type { Logger } from '../../common/logger.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import { makeDirectory } from '../../log/journal/disk.ts'
import { SLOT_LOCK, slotDirectory } from '../../log/journal/layout.ts'
import { recoverSlot } from '../../log/journal/recover.ts'
import { JournalWriter } from '../../log/journal/writer.ts'
import { addJournalMetrics } from '../../log/journal/metrics.ts'
import { addAccessMetrics } from '../../access/metrics.ts'
import { PlainMetrics } from '../../common/metrics.ts'
import type { IngestLog, IngestLogOptions } from './ingest-log.ts'

/** A predecessor that is being killed may still hold the slot for a moment. */
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
  // Load the Kafka client only when it is needed.
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
  const metrics = new PlainMetrics()
  addAccessMetrics(metrics, access)
  addJournalMetrics(metrics, writer)
  return {
    writer,
    access,
    metrics: () => metrics.json(),
    close: async () => {
      await writer.close()
      await access.close()
      await lock.release()
    },
  }
}
