import { GatepostError, messageOf } from '../../../common/errors.ts'
import type { KafkaOptions } from './connection.ts'

/** What went wrong on the way to the brokers. */
export type ConnectProblem = 'login' | 'certificate' | 'protocol' | 'away'

/** kafkajs wraps errors in errors. */
export function rootCause(error: unknown): Error {
  let root = error
  while (root instanceof Error && root.cause instanceof Error) root = root.cause
  return root instanceof Error ? root : new Error(String(root))
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

/** LOG_UNAVAILABLE that says what to look at. Never holds the password. */
export function logUnavailable(error: unknown, options: KafkaOptions): GatepostError {
  const brokers = options.brokers.join(', ')
  const reason = messageOf(rootCause(error))
  const said: Record<ConnectProblem, string> = {
    login:
      `the Kafka brokers (${brokers}) refuse the login of ${options.sasl?.username ?? 'nobody'}: ${reason}; ` +
      'see GATEPOST_KAFKA_SASL, GATEPOST_KAFKA_USERNAME and GATEPOST_KAFKA_PASSWORD',
    certificate:
      `the certificate of the Kafka brokers (${brokers}) is not trusted: ${reason}; ` +
      'see GATEPOST_KAFKA_TLS_CA, and the names in GATEPOST_KAFKA_BROKERS',
    protocol:
      `the Kafka brokers (${brokers}) end the connection: ${reason}; ` +
      `does this port want ${options.tls === null ? 'TLS' : 'no TLS'}, or ${options.sasl === null ? 'a login' : 'another login'}? ` +
      'See GATEPOST_KAFKA_TLS and GATEPOST_KAFKA_SASL',
    away: `no Kafka broker answers at ${brokers}: ${reason}; see GATEPOST_KAFKA_BROKERS`,
  }
  return new GatepostError('LOG_UNAVAILABLE', said[connectProblem(error)], error)
}
