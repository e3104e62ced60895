import { startingAt } from './connection.ts'
import { asRequest } from './errors.ts'
import type { KafkaOptions } from './port.ts'
import { ProducerConnection } from './producer.ts'

const REQUEST_TIMEOUT_MS = 8000

/**
 * Writes single keyed messages to the only partition of a compacted topic, where duplicates are harmless. It connects with the first
 * message, and again after a failure.
 */
export class KeyedWriter {
  readonly #options: KafkaOptions
  readonly #topic: string
  #connection: Promise<ProducerConnection> | null = null
  #attempts = 0

  constructor(options: KafkaOptions, topic: string) {
    this.#options = options
    this.#topic = topic
  }

  /** Resolves when all in-sync replicas have the message. Null deletes the key. @throws KafkaRequestError */
  async write(key: string, value: Buffer | null): Promise<void> {
    const connecting = (this.#connection ??= this.#connect())
    await asRequest(async () => {
      try {
        const connection = await connecting
        await connection.sendKeyed(key, value)
      } catch (error) {
        if (this.#connection === connecting) this.#connection = null
        void disconnect(connecting)
        throw error
      }
    })
  }

  async close(): Promise<void> {
    if (this.#connection !== null) await disconnect(this.#connection)
  }

  async #connect(): Promise<ProducerConnection> {
    // Only the first broker is asked, so each attempt starts with another one.
    const options = startingAt(this.#options, this.#attempts++)
    const connection = new ProducerConnection(options, this.#topic, REQUEST_TIMEOUT_MS)
    try {
      await connection.connect()
      return connection
    } catch (error) {
      void connection.disconnect().catch(() => {})
      throw error
    }
  }
}

async function disconnect(connecting: Promise<ProducerConnection>): Promise<void> {
  await connecting.then((connection) => connection.disconnect()).catch(() => {})
}
