import { FileAccessLog } from '../access/journal-log.ts'
import type { AccessLog } from '../access/log.ts'
import { GatepostError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { within } from '../common/within.ts'
import type { AccessDescription } from './messages.ts'

const KNOWN_WITHIN_MS = 30_000

/**
 * Opens the access log and follows it. With Kafka, this works while no broker answers: `known` of the result says when the log has been
 * read.
 * @throws GatepostError LOG_UNAVAILABLE: the file cannot be read
 */
export async function openAccess(description: AccessDescription, logger: Logger): Promise<AccessLog> {
  return (await opened(description, logger)).access
}

/**
 * Opens the access log and reads it to its end.
 * @throws GatepostError LOG_UNAVAILABLE; CONFIG_INVALID: the installation has another token key
 */
export async function openKnownAccess(description: AccessDescription, logger: Logger): Promise<AccessLog> {
  const { access, read } = await opened(description, logger)
  try {
    await within(KNOWN_WITHIN_MS, read)
    return access
  } catch (error) {
    await access.close()
    if (error instanceof GatepostError) throw error
    throw new GatepostError('LOG_UNAVAILABLE', 'the access log could not be read from Kafka', error)
  }
}

/** `read` resolves when the log has been read to its end for the first time. */
async function opened(
  description: AccessDescription,
  logger: Logger,
): Promise<{ readonly access: AccessLog; readonly read: Promise<void> }> {
  if (description.kind === 'file') {
    return { access: await FileAccessLog.open(description.dataDir, logger), read: Promise.resolve() }
  }
  // Load the Kafka client only when it is needed.
  const { KafkaAccessLog } = await import('../access/kafka-log.ts')
  const { kafka, topicPrefix, fingerprints } = description
  const access = KafkaAccessLog.open({ kafka: { ...kafka, logger }, topicPrefix, fingerprints, logger })
  return { access, read: access.ready }
}
