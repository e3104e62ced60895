import { createLogger } from '../../common/logger.ts'
import { secretFingerprint } from '../../access/fingerprint.ts'
import type { AccessLog } from '../../access/log.ts'
import type { Config } from '../config/config.ts'
import { kafkaOptions } from '../config/kafka-options.ts'
import { openKnownAccess } from '../open-access.ts'
import { assertDataFormat } from '../data-format.ts'
import { knownKeys } from '../supervisor/secret.ts'

/** Access to the installation's decisions, for a command. */
export interface AccessOfInstallation {
  readonly access: AccessLog
  /** The installation's token keys, the signing key first. */
  readonly keys: readonly string[]
}

/**
 * Opens the access log, reads it to its end, and runs the command with it.
 * @throws GatepostError CONFIG_INVALID, LOG_UNAVAILABLE, DATA_FORMAT_LATER
 */
export async function withAccessLog<T>(config: Config, use: (opened: AccessOfInstallation) => Promise<T>): Promise<T> {
  assertDataFormat(config.dataDir)
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
  if (config.kafkaBrokers === undefined) return openKnownAccess({ kind: 'file', dataDir: config.dataDir }, logger)
  const kafka = kafkaOptions(config, 'gatepost-access', logger)
  const fingerprints = keys.map(secretFingerprint)
  return openKnownAccess({ kind: 'kafka', kafka, topicPrefix: config.kafkaTopicPrefix, fingerprints }, logger)
}
