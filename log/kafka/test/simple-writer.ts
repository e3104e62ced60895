import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaOptions } from '../client/port.ts'
import { makeTopics as makeTopicsOf } from '../client/test/operator.ts'
import { TopicProducer } from '../client/topic-producer.ts'
import { messageHeaders, messageValue } from '../message.ts'
import { kafkaTopic } from '../topic-names.ts'
import { STREAMS } from '../../../schemas/streams/index.ts'
import type { Batch } from '../../../schemas/batch.ts'

/** Creates the topics of a prefix, for tests of readers. */
export async function makeTopics(kafka: KafkaOptions, prefix: string, partitions = 1): Promise<void> {
  await makeTopicsOf(
    kafka,
    STREAMS.map((stream) => ({ name: kafkaTopic(prefix, stream), partitions })),
  )
}

/** A new topic has no leader for a moment. */
const ATTEMPTS = 60
const RETRY_MS = 250

/** Writes batches to a partition that the test chooses. */
export class SimpleWriter {
  readonly #kafka: KafkaOptions
  readonly #prefix: string
  readonly #producers = new Map<string, Promise<TopicProducer>>()

  constructor(kafka: KafkaOptions, prefix: string) {
    this.#kafka = kafka
    this.#prefix = prefix
  }

  async append(batch: Batch, partition = 0): Promise<void> {
    await this.raw(batch, messageValue(batch), partition)
  }

  async raw(batch: Batch, value: Buffer, partition = 0): Promise<void> {
    const producer = await this.#producerOf(kafkaTopic(this.#prefix, batch.stream))
    for (let attempt = 1; ; attempt++) {
      try {
        return await producer.send(partition, [{ value, headers: messageHeaders(batch) }]).acknowledged
      } catch (error) {
        if (attempt === ATTEMPTS) throw error
        await sleep(RETRY_MS)
      }
    }
  }

  async close(): Promise<void> {
    const producers = await Promise.all(this.#producers.values())
    await Promise.all(producers.map((producer) => producer.close()))
  }

  #producerOf(topic: string): Promise<TopicProducer> {
    let producer = this.#producers.get(topic)
    if (producer === undefined) {
      producer = connected(new TopicProducer(this.#kafka, topic))
      this.#producers.set(topic, producer)
    }
    return producer
  }
}

async function connected(producer: TopicProducer): Promise<TopicProducer> {
  await producer.open()
  return producer
}
