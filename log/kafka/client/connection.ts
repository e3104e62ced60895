import { Kafka, logLevel, type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs'
import type { ConnectionOptions } from 'node:tls'
import type { Logger } from '../../../common/logger.ts'
import type { KafkaOptions } from './port.ts'

const CONNECTION_TIMEOUT_MS = 3000

/**
 * A kafkajs client. Nothing in it retries by itself unless its user says so: kafkajs's own retry of a send puts two copies into the
 * log with nothing to tell them apart.
 */
export function createKafka(options: KafkaOptions, overrides: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...(options.tls === null ? {} : { ssl: tlsOptions(options.tls) }),
    ...(options.sasl === null ? {} : { sasl: saslOptions(options.sasl) }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    retry: { retries: 0 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => logEntry(options.logger, entry),
    ...overrides,
  })
}

/** A new object: kafkajs keeps in it what it has made of the password, and would go on to use that. */
function saslOptions({ mechanism, username, password }: NonNullable<KafkaOptions['sasl']>): SASLOptions {
  return { mechanism, username, password }
}

function tlsOptions({ ca, cert, key }: NonNullable<KafkaOptions['tls']>): ConnectionOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}

/** kafkajs calls an error what its callers handle (a broker that went away): here it is said at debug level, and by us where it matters. */
function logEntry(logger: Logger, { level, log }: LogEntry): void {
  logger[level <= logLevel.ERROR ? 'debug' : 'trace']({ kafkajs: { ...log, stack: undefined } }, log.message)
}

/** The brokers with another one first: whatever asks the first one only asks each in turn. */
export function startingAt(options: KafkaOptions, attempt: number): KafkaOptions {
  const { brokers } = options
  const first = attempt % brokers.length
  return { ...options, brokers: [...brokers.slice(first), ...brokers.slice(0, first)] }
}
