import type { Producer } from 'kafkajs'
import { createKafka, startingAt } from './connection.ts'
import { asRequest } from './errors.ts'
import type { KafkaOptions } from './port.ts'

const REQUEST_TIMEOUT_MS = 8000

/**
 * Writes single keyed messages to the only partition of a compacted topic, where duplicates are harmless. It connects with the first
 * message, and again after a failure.
 */
export class KeyedWriter {
  readonly #options: KafkaOptions
  readonly #topic: string
  #producer: Promise<Producer> | null = null
  #attempts = 0

  constructor(options: KafkaOptions, topic: string) {
    this.#options = options
    this.#topic = topic
  }

  /** Resolves when all in-sync replicas have the message. Null deletes the key. @throws KafkaRequestError */
  async write(key: string, value: Buffer | null): Promise<void> {
    const connecting = (this.#producer ??= this.#connect())
    await asRequest(async () => {
      try {
        const producer = await connecting
        await producer.send({ topic: this.#topic, acks: -1, messages: [{ key, value, partition: 0 }] })
      } catch (error) {
        if (this.#producer === connecting) this.#producer = null
        void disconnect(connecting)
        throw error
      }
    })
  }

  async close(): Promise<void> {
    if (this.#producer !== null) await disconnect(this.#producer)
  }

  async #connect(): Promise<Producer> {
    // Without retries kafkajs only asks the first broker, so each attempt starts with another one.
    const options = startingAt(this.#options, this.#attempts++)
    const producer = createKafka(options, { requestTimeout: REQUEST_TIMEOUT_MS }).producer({
      allowAutoTopicCreation: false,
      retry: { retries: 0 },
    })
    await producer.connect()
    return producer
  }
}

async function disconnect(connecting: Promise<Producer>): Promise<void> {
  await connecting.then((producer) => producer.disconnect()).catch(() => {})
}
