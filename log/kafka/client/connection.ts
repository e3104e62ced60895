import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { Kafka, logLevel, type ISocketFactory, type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs'
import type { Logger } from '../../../common/logger.ts'
import { within } from '../../../common/within.ts'
import type { KafkaOptions } from './port.ts'

const CONNECTION_TIMEOUT_MS = 3000
const KEEP_ALIVE_MS = 60_000

/** The open sockets of each client; null: the client has ended. */
const sockets = new WeakMap<Kafka, Set<Socket> | null>()

/**
 * Creates a kafkajs client that retries nothing unless its user says so: kafkajs's own retry of a send puts two copies into the log that
 * cannot be told apart.
 */
export function createKafka(options: KafkaOptions, overrides: Partial<KafkaConfig> = {}): Kafka {
  const kafka: Kafka = new Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...(options.tls === null ? {} : { ssl: tlsOptions(options.tls) }),
    ...(options.sasl === null ? {} : { sasl: saslOptions(options.sasl) }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    retry: { retries: 0 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => logEntry(options.logger, entry),
    socketFactory: (where) => openSocket(kafka, where),
    ...overrides,
  })
  sockets.set(kafka, new Set())
  return kafka
}

/** Opens a socket as kafkajs's own factory does. One that a client opens after its end is closed at once. */
function openSocket(kafka: Kafka, { host, port, ssl, onConnect }: Parameters<ISocketFactory>[0]): Socket {
  const servername = isIP(host) === 0 ? { servername: host } : {}
  // Its type does not say that kafkajs passes null without TLS.
  const socket = (ssl as ConnectionOptions | null)
    ? connectTls({ host, port, ...servername, ...ssl }, onConnect)
    : connectTcp({ host, port }, onConnect)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  const open = sockets.get(kafka) ?? null
  if (open === null) return socket.destroy(new Error('the client has ended'))
  open.add(socket)
  socket.once('close', () => open.delete(socket))
  return socket
}

/**
 * Ends a client: waits until what is part of it has disconnected, for a limited time, and closes what is open then. kafkajs may not finish a
 * disconnect (a consumer that joins, a broker that is down), and would keep its sockets, and with them the process, for ever.
 */
export async function endClient(kafka: Kafka, part: { disconnect(): Promise<void> }, withinMs: number): Promise<void> {
  await within(withinMs, part.disconnect()).catch(() => {})
  const open = sockets.get(kafka)
  sockets.set(kafka, null)
  for (const socket of open ?? []) socket.destroy(new Error('the client has ended'))
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
  if (level <= logLevel.ERROR)
    logger.debug({ event: 'kafka.client', kafkajs: { ...log, stack: undefined } }, log.message)
}

/** The broker list rotated by `attempt`: code that only asks the first broker then asks each in turn. */
export function startingAt(options: KafkaOptions, attempt: number): KafkaOptions {
  const { brokers } = options
  const first = attempt % brokers.length
  return { ...options, brokers: [...brokers.slice(first), ...brokers.slice(0, first)] }
}
