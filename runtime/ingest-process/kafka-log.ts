import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../common/logger.ts'
import { KafkaAccessLog } from '../../access/kafka-log.ts'
import { KafkaWriter } from '../../log/kafka/writer.ts'
import { secretFingerprint } from '../../access/fingerprint.ts'
import type { IngestLog, IngestLogOptions } from './ingest-log.ts'
import { addWriterMetrics } from '../../log/kafka/metrics.ts'
import { addAccessMetrics } from '../../access/metrics.ts'
import { PlainMetrics } from '../../common/metrics.ts'

/** A worker that cannot read the access log in this time starts without it: heartbeats and logins must go on. */
const ACCESS_WITHIN_MS = 15_000

/**
 * Connects a worker to Kafka: the record log, and the access log.
 * @throws GatepostError LOG_UNAVAILABLE, LOG_MISCONFIGURED, DIRECTORY_LOCKED; CONFIG_INVALID: the installation has another token key
 */
export async function openKafkaLog(
  options: Extract<IngestLogOptions, { kind: 'kafka' }>,
  secrets: readonly string[],
  logger: Logger,
): Promise<IngestLog> {
  const { topicPrefix, spill } = options
  const kafka = { ...options.kafka, logger }
  const writer = await KafkaWriter.open({ kafka, topicPrefix, spill, logger })
  const access = KafkaAccessLog.open({ kafka, topicPrefix, fingerprints: secrets.map(secretFingerprint), logger })
  await known(access, options.answersAtOnce ? 0 : ACCESS_WITHIN_MS, logger)
  const metrics = new PlainMetrics()
  addWriterMetrics(metrics, writer)
  addAccessMetrics(metrics, access)
  return {
    writer,
    access,
    metrics: () => metrics.json(),
    close: async () => {
      await writer.close()
      await access.close()
    },
  }
}

/**
 * A process with another token key would deny a whole fleet, so the key is checked before anything is answered. If that takes too long, auth
 * requests are answered -1 until the access log has been read.
 * @throws GatepostError CONFIG_INVALID: another token key; if found out later, it ends the process as an unhandled rejection
 */
async function known(access: KafkaAccessLog, withinMs: number, logger: Logger): Promise<void> {
  const read = access.ready.then(() => true)
  const late = sleep(withinMs, false, { ref: false })
  if (!(await Promise.race([read, late]))) {
    logger.warn(
      { event: 'access_log.unknown' },
      'access log: not read to its end yet; until then auth requests are answered -1 (no decision)',
    )
  }
}
