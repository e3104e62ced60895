import type { Logger } from '../../common/logger.ts'
import type { AccessLog } from '../../access/log.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import type { AccessStart } from '../messages.ts'

/** The access decisions, for a process that neither issues tokens nor checks them. @throws GatepostError LOG_UNAVAILABLE: of a file */
export async function openAccess(start: AccessStart, logger: Logger): Promise<AccessLog> {
  if (start.kind === 'journal') return FileAccessLog.open(start.directory, logger)
  // The Kafka client is loaded only by those who need it.
  const { KafkaAccessLog } = await import('../../access/kafka-log.ts')
  const { kafka, topicPrefix } = start
  return KafkaAccessLog.open({ kafka: { ...kafka, logger }, topicPrefix, fingerprints: [], logger })
}
