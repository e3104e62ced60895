import { brokers, duration, integer, oneOf, path, plainText, secretText, topicPrefix } from './values.ts'
import { optional, withDefault, type Variable } from './variable.ts'

const HOUR = 3_600_000
const DAY = 86_400_000

/** How the record log in Kafka is reached, and what its topics are like. */
export const KAFKA_VARIABLES = {
  kafkaBrokers: optional('GATEPOST_KAFKA_BROKERS', brokers, {
    description: 'Kafka brokers of the record log; a few are enough to find the others.',
    allowed: 'comma-separated host:port',
    unset: '(unset: journal)',
  }),
  kafkaTopicPrefix: withDefault('GATEPOST_KAFKA_TOPIC_PREFIX', 'gatepost.', topicPrefix, {
    description: 'Prefix of the topic names.',
    allowed: 'letters, digits, ., _ and -, at most 100 of them',
  }),
  kafkaGroup: withDefault('GATEPOST_KAFKA_GROUP', 'gatepost-aggregator', plainText, {
    description: 'Consumer group of the aggregators.',
    allowed: 'a name',
  }),
  kafkaReplication: withDefault('GATEPOST_KAFKA_REPLICATION', '3', integer(1, 15), {
    description:
      'Replicas of every topic, for creating and checking topics. 1: a single broker, whose disk holds the only copy of acknowledged records; otherwise at least two replicas must have a record before it is acknowledged.',
    allowed: 'a whole number, 1 to 15',
  }),
  kafkaPartitions: withDefault('GATEPOST_KAFKA_PARTITIONS', '6', integer(1, 1024), {
    description: 'Partitions of the topics that `gatepost topics create` creates: at least as many as aggregators.',
    allowed: 'a whole number, 1 to 1024',
  }),
  kafkaRetentionMs: withDefault('GATEPOST_KAFKA_RETENTION', '7d', duration(HOUR, 366 * DAY), {
    description: 'Retention of the topics: the longest time that all aggregators may be down.',
    allowed: 'a duration from 1h to 366d',
  }),
  kafkaTls: withDefault('GATEPOST_KAFKA_TLS', 'off', oneOf('off', 'on'), {
    description: 'TLS to the brokers.',
    allowed: 'off or on',
  }),
  kafkaTlsCa: optional('GATEPOST_KAFKA_TLS_CA', path, {
    description: 'File of the certificate authorities (PEM) that may sign the certificates of the brokers.',
    allowed: 'a path',
    unset: "(unset: Node.js's own)",
  }),
  kafkaTlsCert: optional('GATEPOST_KAFKA_TLS_CERT', path, {
    description: 'File of the client certificate (PEM), if the brokers require one; with GATEPOST_KAFKA_TLS_KEY.',
    allowed: 'a path',
  }),
  kafkaTlsKey: optional('GATEPOST_KAFKA_TLS_KEY', path, {
    description: 'File of the key of the client certificate (PEM).',
    allowed: 'a path',
  }),
  kafkaSasl: withDefault('GATEPOST_KAFKA_SASL', 'none', oneOf('none', 'plain', 'scram-sha-256', 'scram-sha-512'), {
    description: 'SASL mechanism to log in to the brokers; with GATEPOST_KAFKA_USERNAME and GATEPOST_KAFKA_PASSWORD.',
    allowed: 'none, plain, scram-sha-256 or scram-sha-512',
  }),
  kafkaUsername: optional('GATEPOST_KAFKA_USERNAME', plainText, {
    description: 'User name for the brokers.',
    allowed: 'a name',
  }),
  kafkaPassword: optional('GATEPOST_KAFKA_PASSWORD', secretText(1), {
    description: 'Password for the brokers.',
    allowed: 'any text',
    secret: 'whole',
  }),
} satisfies Record<string, Variable>
