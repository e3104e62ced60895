import { Kafka, logLevel, type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs'
import type { ConnectionOptions } from 'node:tls'
import type { Logger } from '../../../common/logger.ts'
import type { KafkaOptions } from './port.ts'

const CONNECTION_TIMEOUT_MS = 3000

/**
 * Creates a kafkajs client that retries nothing unless its user says so: kafkajs's own retry of a send puts two copies into the log that
 * cannot be told apart.
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

/** Returns a new object each time: kafkajs stores what it derived from the password in it and would keep using that. */
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

/**
 * kafkajs logs as errors what its callers handle (a broker that is down), so its entries are logged at debug level; we log what matters.
 */
function logEntry(logger: Logger, { level, log }: LogEntry): void {
  logger[level <= logLevel.ERROR ? 'debug' : 'trace']({ kafkajs: { ...log, stack: undefined } }, log.message)
}

/** The broker list rotated by `attempt`: code that only asks the first broker then asks each in turn. */
export function startingAt(options: KafkaOptions, attempt: number): KafkaOptions {
  const { brokers } = options
  const first = attempt % brokers.length
  return { ...options, brokers: [...brokers.slice(first), ...brokers.slice(0, first)] }
}
