import { createLogger, type Logger } from '../../common/logger.ts'
import { GatepostError } from '../../common/errors.ts'
import { secretFingerprint } from '../../access/fingerprint.ts'
import type { AccessLog } from '../../access/log.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import type { Config } from '../config/config.ts'
import { kafkaOptions } from '../config/kafka-options.ts'
import type { AccessDescription } from '../messages.ts'
import { knownKeys } from '../supervisor/secret.ts'

const KNOWN_WITHIN_MS = 30_000

/** What a command is given of the installation's access decisions. */
export interface AccessOfInstallation {
  readonly access: AccessLog
  /** The installation's token keys, the one that signs first. */
  readonly keys: readonly string[]
}

/**
 * Runs a command with the access decisions of the installation, all of which have been read.
 * @throws GatepostError CONFIG_INVALID, LOG_UNAVAILABLE
 */
export async function withAccessLog<T>(config: Config, use: (opened: AccessOfInstallation) => Promise<T>): Promise<T> {
  const keys = knownKeys(config)
  const access = await openAccessLog(config, keys)
  try {
    return await use({ access, keys })
  } finally {
    await access.close()
  }
}

function openAccessLog(config: Config, keys: readonly string[]): Promise<AccessLog> {
  const logger = createLogger('access')
  logger.level = 'error'
  if (config.kafkaBrokers === undefined) return openDecisions({ kind: 'file', dataDir: config.dataDir }, logger)
  const kafka = kafkaOptions(config, 'gatepost-access', logger)
  const fingerprints = keys.map(secretFingerprint)
  return openDecisions({ kind: 'kafka', kafka, topicPrefix: config.kafkaTopicPrefix, fingerprints }, logger)
}

/**
 * The access decisions, all of which have been read.
 * @throws GatepostError LOG_UNAVAILABLE
 */
export async function openDecisions(description: AccessDescription, logger: Logger): Promise<AccessLog> {
  if (description.kind === 'file') return FileAccessLog.open(description.dataDir, logger)
  // The Kafka client is loaded only by those who need it.
  const { KafkaAccessLog } = await import('../../access/kafka-log.ts')
  const { kafka, topicPrefix, fingerprints } = description
  const access = KafkaAccessLog.open({ kafka: { ...kafka, logger }, topicPrefix, fingerprints, logger })
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      access.ready,
      new Promise<never>((_resolve, reject) => {
        const late = () =>
          reject(new GatepostError('LOG_UNAVAILABLE', 'the access decisions could not be read from Kafka'))
        timer = setTimeout(late, KNOWN_WITHIN_MS)
      }),
    ])
    return access
  } catch (error) {
    await access.close()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
