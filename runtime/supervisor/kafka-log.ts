import type { Logger } from '../../common/logger.ts'
import { KafkaUnavailable } from '../../log/kafka/client/errors.ts'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'
import type { TopicsOptions } from '../../log/kafka/topics.ts'
import type { Config } from '../config/config.ts'
import type { AccessDescription, ReaderLog } from '../messages.ts'

/** How to reach Kafka in this configuration. */
export interface KafkaAddress {
  /** Plain data, so that it can be sent to a child. */
  readonly kafka: Omit<KafkaOptions, 'logger'>
  readonly reader: ReaderLog
  readonly access: AccessDescription
  /** Whether no broker answered. */
  readonly away: boolean
}

/**
 * How ingest reaches Kafka. It also starts during an outage of the brokers: a worker that has reached them before writes to its spill; one
 * that has not fails to start.
 * @throws GatepostError CONFIG_INVALID, LOG_UNAVAILABLE, LOG_MISCONFIGURED: the message says what to do
 */
export async function kafkaAddressOfIngest(config: Config, logger: Logger): Promise<KafkaAddress> {
  try {
    return await kafkaAddress(config, logger)
  } catch (error) {
    if (!(error instanceof KafkaUnavailable) || error.problem !== 'away') throw error
    logger.error({ event: 'kafka.away', err: error }, error.message)
    return { ...addressOf(await optionsOf(config, logger), config), away: true }
  }
}

/**
 * Checks the topics on the brokers, and logs warnings.
 * @throws GatepostError CONFIG_INVALID, LOG_UNAVAILABLE, LOG_MISCONFIGURED: the message says what to do
 */
export async function kafkaAddress(config: Config, logger: Logger): Promise<KafkaAddress> {
  const options = await optionsOf(config, logger)
  const { assertTopics } = await import('../../log/kafka/topics.ts')
  for (const { topic, problem } of await assertTopics(options))
    logger.warn({ event: 'kafka.topic_settings', topic }, problem)
  return addressOf(options, config)
}

/** Load the Kafka client only when it is needed. */
async function optionsOf(config: Config, logger: Logger): Promise<TopicsOptions> {
  const { topicsOptions } = await import('../config/kafka-options.ts')
  return topicsOptions(config, 'gatepost', logger)
}

function addressOf(options: TopicsOptions, config: Config): KafkaAddress {
  const { brokers, clientId, tls, sasl } = options.kafka
  const kafka = { brokers, clientId, tls, sasl }
  return {
    kafka,
    away: false,
    access: {
      kind: 'kafka',
      kafka: { ...kafka, clientId: `${clientId}-policies` },
      topicPrefix: config.kafkaTopicPrefix,
      fingerprints: [],
    },
    reader: {
      kind: 'kafka',
      kafka: { ...kafka, clientId: `${clientId}-aggregator` },
      topicPrefix: config.kafkaTopicPrefix,
      group: config.kafkaGroup,
    },
  }
}
