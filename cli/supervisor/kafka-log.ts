import type { Logger } from '../../common/logger.ts'
import type { KafkaOptions } from '../../log/kafka/client.ts'
import type { Config } from '../config.ts'
import type { ReaderLog } from './messages.ts'

/** Kafka as this configuration reaches it. */
export interface KafkaAddress {
  /** Plain data. */
  readonly kafka: Omit<KafkaOptions, 'logger'>
  readonly reader: ReaderLog
}

/**
 * Asks the brokers whether the topics are as they must be; what had better be otherwise is logged.
 * @throws GatepostError CONFIG_INVALID, LOG_UNAVAILABLE, LOG_MISCONFIGURED: each says what to do
 */
export async function kafkaAddress(config: Config, logger: Logger): Promise<KafkaAddress> {
  // kafkajs is loaded only by those who need it.
  const { topicsOptions } = await import('../config/kafka-options.ts')
  const { assertTopics } = await import('../../log/kafka/topics.ts')
  const options = topicsOptions(config, 'gatepost', logger)
  for (const { topic, problem } of await assertTopics(options)) logger.warn({ topic }, problem)
  const { brokers, clientId, tls, sasl } = options.kafka
  const kafka = { brokers, clientId, tls, sasl }
  return {
    kafka,
    reader: {
      kind: 'kafka',
      kafka: { ...kafka, clientId: `${clientId}-aggregator` },
      topicPrefix: config.kafkaTopicPrefix,
      group: config.kafkaGroup,
    },
  }
}
