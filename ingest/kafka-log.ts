import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../common/logger.ts'
import { KafkaAccessLog } from '../log/kafka/access-log.ts'
import { KafkaWriter } from '../log/kafka/writer.ts'
import { secretFingerprint } from './access/fingerprint.ts'
import type { IngestLog, IngestLogOptions } from './log.ts'
import { kafkaLogMetrics } from './metrics.ts'

/** A worker that cannot read the access decisions in this time answers without them: heartbeats and logins go on. */
const ACCESS_WITHIN_MS = 15_000

/**
 * A worker's way to Kafka, and the access decisions that are kept there.
 * @throws GatepostError LOG_UNAVAILABLE, LOG_MISCONFIGURED, DIRECTORY_LOCKED; CONFIG_INVALID: the installation has another token key
 */
export async function openKafkaLog(
  options: Extract<IngestLogOptions, { kind: 'kafka' }>,
  secret: string,
  logger: Logger,
): Promise<IngestLog> {
  const { topicPrefix, spill } = options
  const kafka = { ...options.kafka, logger }
  const writer = await KafkaWriter.open({ kafka, topicPrefix, spill, logger })
  const access = KafkaAccessLog.open({ kafka, topicPrefix, fingerprint: secretFingerprint(secret), logger })
  // One with another key would deny a whole fleet, so it is found out before anything is answered. Who follows a worker that had the right
  // one need not wait: until the decisions are known, it answers that it does not know.
  if (!options.secretKnown) await known(access, logger)
  return {
    writer,
    access,
    metrics: () => kafkaLogMetrics(writer, access).json(),
    close: async () => {
      await writer.close()
      await access.close()
    },
  }
}

/** @throws GatepostError CONFIG_INVALID; if that shows later only, it ends the process as an unhandled rejection */
async function known(access: KafkaAccessLog, logger: Logger): Promise<void> {
  const read = access.ready.then(() => true)
  const late = sleep(ACCESS_WITHIN_MS, false, { ref: false })
  if (!(await Promise.race([read, late]))) {
    logger.error('the access decisions cannot be read yet: until then auth requests are answered without a decision')
  }
}
