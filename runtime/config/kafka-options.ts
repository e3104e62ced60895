import { readFileSync } from 'node:fs'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'
import type { TopicsOptions } from '../../log/kafka/topics.ts'
import type { Config } from './config.ts'

/**
 * How to reach the brokers. `clientId` appears in the brokers' logs.
 * @throws GatepostError CONFIG_INVALID: variables that do not fit together, or a file that cannot be read
 */
export function kafkaOptions(config: Config, clientId: string, logger: Logger): KafkaOptions {
  const problems: string[] = []
  if (config.kafkaBrokers === undefined) problems.push('GATEPOST_KAFKA_BROKERS is not set')
  const sasl = saslOf(config, problems)
  const tls = tlsOf(config, problems)
  if (problems.length > 0) throw new GatepostError('CONFIG_INVALID', problems.join('\n'))
  return { brokers: config.kafkaBrokers as readonly string[], clientId, tls, sasl, logger }
}

/** The required topics. @throws GatepostError CONFIG_INVALID */
export function topicsOptions(config: Config, clientId: string, logger: Logger): TopicsOptions {
  return {
    kafka: kafkaOptions(config, clientId, logger),
    topicPrefix: config.kafkaTopicPrefix,
    partitions: config.kafkaPartitions,
    replication: config.kafkaReplication,
    retentionMs: config.kafkaRetentionMs,
  }
}

function saslOf(config: Config, problems: string[]): KafkaOptions['sasl'] {
  const { kafkaSasl: mechanism, kafkaUsername: username, kafkaPassword: password } = config
  if (mechanism === 'none') {
    for (const [name, value] of [
      ['GATEPOST_KAFKA_USERNAME', username],
      ['GATEPOST_KAFKA_PASSWORD', password],
    ] as const) {
      if (value !== undefined)
        problems.push(`${name} is set, but GATEPOST_KAFKA_SASL is none: set GATEPOST_KAFKA_SASL to plain or scram`)
    }
    return null
  }
  if (username === undefined)
    problems.push(`GATEPOST_KAFKA_USERNAME is not set, GATEPOST_KAFKA_SASL=${mechanism} needs it`)
  if (password === undefined)
    problems.push(`GATEPOST_KAFKA_PASSWORD is not set, GATEPOST_KAFKA_SASL=${mechanism} needs it`)
  return { mechanism, username: username ?? '', password: password ?? '' }
}

function tlsOf(config: Config, problems: string[]): KafkaOptions['tls'] {
  const files = [
    ['ca', 'GATEPOST_KAFKA_TLS_CA', config.kafkaTlsCa],
    ['cert', 'GATEPOST_KAFKA_TLS_CERT', config.kafkaTlsCert],
    ['key', 'GATEPOST_KAFKA_TLS_KEY', config.kafkaTlsKey],
  ] as const
  if (config.kafkaTls === 'off') {
    for (const [, name, path] of files)
      if (path !== undefined) problems.push(`${name} is set, but GATEPOST_KAFKA_TLS is off`)
    return null
  }
  if ((config.kafkaTlsCert === undefined) !== (config.kafkaTlsKey === undefined))
    problems.push('GATEPOST_KAFKA_TLS_CERT and GATEPOST_KAFKA_TLS_KEY go together: one of them is not set')
  const tls: { ca?: string; cert?: string; key?: string } = {}
  for (const [key, name, path] of files) {
    if (path === undefined) continue
    try {
      tls[key] = readFileSync(path, 'utf8')
      if (!tls[key].includes('-----BEGIN ')) problems.push(`${name}=${path}: holds no PEM text`)
    } catch (error) {
      problems.push(`${name}=${path}: cannot be read: ${messageOf(error)}`)
    }
  }
  return tls
}
