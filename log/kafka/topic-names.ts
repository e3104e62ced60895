import { descriptorOf, STREAMS, type Stream } from '../../schemas/streams/index.ts'

/** The Kafka topic of a stream of records: `gatepost.post-auth`. */
export function kafkaTopic(prefix: string, stream: Stream): string {
  return prefix + descriptorOf(stream).kafkaTopic
}

/** Kafka's usual notation of a partition, also the name under which it is fenced in the store: `gatepost.post-auth-3`. */
export function partitionName(kafkaTopicName: string, partition: number): string {
  return `${kafkaTopicName}-${partition}`
}

/** The compacted topic of the access log. */
export function accessControlTopic(prefix: string): string {
  return `${prefix}access-control`
}

/** All topics with records, that is, all but the access-control topic. */
export function recordTopics(prefix: string): string[] {
  return STREAMS.map((stream) => kafkaTopic(prefix, stream))
}
