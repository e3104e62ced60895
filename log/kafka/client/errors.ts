import { GatepostError, messageOf } from '../../../common/errors.ts'
import type { KafkaOptions } from './port.ts'

/** Why the brokers could not be reached. */
export type ConnectProblem = 'login' | 'certificate' | 'protocol' | 'away'

/** The brokers cannot be used. The message says what to check, and never contains the password. */
export class KafkaUnavailable extends GatepostError {
  readonly problem: ConnectProblem

  constructor(error: unknown, options: KafkaOptions) {
    const problem = connectProblem(error)
    super('LOG_UNAVAILABLE', explanation(problem, messageOf(rootCause(error)), options), error)
    this.problem = problem
  }
}

/** A request that the brokers refused, or did not answer. */
export class KafkaRequestError extends Error {
  /** The protocol's names of the brokers' errors, such as INVALID_REPLICATION_FACTOR; empty: no broker named one. */
  readonly reasons: readonly string[]

  constructor(error: unknown) {
    const errors = reasonsOf(error)
    super(errors.map(messageOf).join('; '), { cause: error })
    this.name = 'KafkaRequestError'
    this.reasons = errors.map(protocolName).filter((name) => name !== null)
  }
}

/** Runs a request and converts any error of kafkajs. @throws KafkaUnavailable, KafkaRequestError */
export async function asRequest<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request()
  } catch (error) {
    if (error instanceof KafkaUnavailable || error instanceof KafkaRequestError) throw error
    throw new KafkaRequestError(error)
  }
}

/** kafkajs wraps errors in errors. */
export function rootCause(error: unknown): Error {
  let root = error
  while (root instanceof Error && root.cause instanceof Error) root = root.cause
  return root instanceof Error ? root : new Error(String(root))
}

/** The protocol's name of an error, such as NOT_LEADER_FOR_PARTITION; null: not a protocol error. */
export function protocolName(error: unknown): string | null {
  const { type } = rootCause(error) as { type?: unknown }
  return typeof type === 'string' ? type : null
}

export function connectProblem(error: unknown): ConnectProblem {
  const { name, message } = rootCause(error)
  const { code } = rootCause(error) as { code?: unknown }
  if (name === 'KafkaJSSASLAuthenticationError' || /SASL/.test(message)) return 'login'
  if (typeof code === 'string' && /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code)) return 'certificate'
  if ((typeof code === 'string' && /SSL|EPROTO/.test(code)) || /before secure TLS/.test(message)) return 'protocol'
  if (name === 'KafkaJSConnectionClosedError' || /closed by the server/.test(message)) return 'protocol'
  return 'away'
}

/** The errors of a request for several things are nested one level deeper. */
function reasonsOf(error: unknown): readonly unknown[] {
  const { errors } = error as { errors?: unknown }
  return Array.isArray(errors) && errors.length > 0 ? errors : [error]
}

function explanation(problem: ConnectProblem, reason: string, options: KafkaOptions): string {
  const brokers = options.brokers.join(', ')
  switch (problem) {
    case 'login':
      return (
        `the Kafka brokers (${brokers}) refuse the login of ${options.sasl?.username ?? 'nobody'}: ${reason}; ` +
        'see GATEPOST_KAFKA_SASL, GATEPOST_KAFKA_USERNAME and GATEPOST_KAFKA_PASSWORD'
      )
    case 'certificate':
      return (
        `the certificate of the Kafka brokers (${brokers}) is not trusted: ${reason}; ` +
        'see GATEPOST_KAFKA_TLS_CA, and the names in GATEPOST_KAFKA_BROKERS'
      )
    case 'protocol':
      return (
        `the Kafka brokers (${brokers}) close the connection: ${reason}; ` +
        `does this port expect ${options.tls === null ? 'TLS' : 'no TLS'}, or ${options.sasl === null ? 'a login' : 'another login'}? ` +
        'See GATEPOST_KAFKA_TLS and GATEPOST_KAFKA_SASL'
      )
    case 'away':
      return `no Kafka broker answers at ${brokers}: ${reason}; see GATEPOST_KAFKA_BROKERS`
  }
}
