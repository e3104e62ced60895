import type { ITopicConfig } from 'kafkajs'
import { createKafka, type KafkaOptions } from '../client/connection.ts'
import { messageHeaders, messageValue } from '../message.ts'
import { kafkaTopic } from '../topic-names.ts'
import { TOPICS } from '../../../schemas/topics.ts'
import type { Batch } from '../../../schemas/batch.ts'

/** Makes the topics of a prefix, for tests of what reads them. */
export async function makeTopics(kafka: KafkaOptions, prefix: string, partitions = 1): Promise<void> {
  await createTopics(
    kafka,
    TOPICS.map((topic) => ({ topic: kafkaTopic(prefix, topic), numPartitions: partitions })),
  )
}

/** Makes topics and waits until they can be used. kafkajs's own waiting gives up when a broker does not know of a topic yet. */
export async function createTopics(kafka: KafkaOptions, topics: ITopicConfig[]): Promise<void> {
  const admin = createKafka(kafka, { retry: { retries: 10, initialRetryTime: 50 } }).admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: false, topics })
  for (const { topic } of topics) {
    for (let known = false; !known;) {
      known = await admin.fetchTopicMetadata({ topics: [topic] }).then(
        () => true,
        () => false,
      )
    }
  }
  await admin.disconnect()
}

/** Writes batches to a partition that the test chooses. */
export class SimpleWriter {
  readonly #producer
  readonly #prefix: string

  private constructor(kafka: KafkaOptions, prefix: string) {
    this.#producer = createKafka(kafka).producer({
      allowAutoTopicCreation: false,
      // A topic that was just made has no leader for a moment.
      retry: { retries: 8 },
    })
    this.#prefix = prefix
  }

  static async open(kafka: KafkaOptions, prefix: string): Promise<SimpleWriter> {
    const writer = new SimpleWriter(kafka, prefix)
    await writer.#producer.connect()
    return writer
  }

  async append(batch: Batch, partition = 0): Promise<void> {
    await this.raw(batch, messageValue(batch), partition)
  }

  async raw(batch: Batch, value: Buffer, partition = 0): Promise<void> {
    await this.#producer.send({
      topic: kafkaTopic(this.#prefix, batch.topic),
      acks: -1,
      messages: [{ key: null, value, headers: messageHeaders(batch), partition }],
    })
  }

  close(): Promise<void> {
    return this.#producer.disconnect()
  }
}
