import { TOPICS, type Topic } from '../../schemas/topics.ts'

/** What the topics of the record log are called, behind the configured prefix. */
const NAMES: Record<Topic, string> = {
  post_auth: 'post-auth',
  gateway_pings: 'pings',
  gateway_auth: 'auth',
  portal_sessions: 'portal-sessions',
  dead_letters: 'dead-letters',
}

/** The Kafka topic of a stream of records: `gatepost.post-auth`. */
export function kafkaTopic(prefix: string, topic: Topic): string {
  return prefix + NAMES[topic]
}

/** Kafka's usual name of a partition, which is also the name under which it is claimed in the store: `gatepost.post-auth-3`. */
export function partitionName(kafkaTopicName: string, partition: number): string {
  return `${kafkaTopicName}-${partition}`
}

/** The compacted topic of access decisions. */
export function accessControlTopic(prefix: string): string {
  return `${prefix}access-control`
}

/** Every topic of records: all but access control. */
export function recordTopics(prefix: string): string[] {
  return TOPICS.map((topic) => kafkaTopic(prefix, topic))
}
