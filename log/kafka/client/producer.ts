import type { Kafka, PartitionMetadata, Producer } from 'kafkajs'
import { createKafka, endClient } from './connection.ts'
import type { KafkaOptions, OutgoingMessage } from './port.ts'

/** By how much the brokers' limit for waiting for replicas is lower than the time limit of the request. */
const ACKS_MARGIN_MS = 1000
/** By how much a disconnect may take longer than a request, which it waits for. */
const DISCONNECT_MARGIN_MS = 2000

/** A connection that sends to one topic, each message once: kafkajs's own retry of a send may put two copies into the log. */
export class ProducerConnection {
  readonly #client: Kafka
  readonly #producer: Producer
  readonly #topic: string
  readonly #acksTimeoutMs: number
  readonly #disconnectWithinMs: number

  /** @param requestTimeoutMs time limit for a request that a broker never answers, ms */
  constructor(options: KafkaOptions, topic: string, requestTimeoutMs: number) {
    this.#topic = topic
    this.#acksTimeoutMs = requestTimeoutMs - ACKS_MARGIN_MS
    this.#disconnectWithinMs = requestTimeoutMs + DISCONNECT_MARGIN_MS
    this.#client = createKafka(options, { requestTimeout: requestTimeoutMs })
    this.#producer = this.#client.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      retry: { retries: 0 },
      createPartitioner: () => chosenPartition,
    })
  }

  /**
   * Connects to the first broker, fetches the topic's metadata and connects to a leader: a message that is cancelled before it is sent makes
   * kafkajs do so. A broker that accepts the connection and does not answer is waited for.
   */
  async connect(): Promise<void> {
    await this.#producer.connect()
    let asked = false
    const message = {
      key: null,
      value: null,
      get headers(): Record<string, string> {
        asked = true
        throw new Error('only to connect')
      },
    }
    try {
      await this.#producer.send({ topic: this.#topic, messages: [message] })
    } catch (error) {
      if (!asked) throw error
    }
  }

  /** Resolves when all in-sync replicas have the messages. @throws kafkajs's errors */
  send(outgoing: Outgoing): Promise<void> {
    return this.#send(outgoing.messages)
  }

  /** The same for a single message of partition 0. Null deletes the key. @throws kafkajs's errors */
  sendKeyed(key: string, value: Buffer | null): Promise<void> {
    return this.#send([{ key, value, partition: 0, headers: {} }])
  }

  /** Waits for sends in flight. It may never finish. */
  disconnect(): Promise<void> {
    return endClient(this.#client, this.#producer, this.#disconnectWithinMs)
  }

  async #send(messages: MessageToSend[]): Promise<void> {
    const results = await this.#producer.send({
      topic: this.#topic,
      acks: -1,
      timeout: this.#acksTimeoutMs,
      messages,
    })
    // kafkajs silently skips a partition that it does not know.
    if (results.length !== 1 || results[0].errorCode !== 0) throw new Error('the broker has not acknowledged')
  }
}

/** A message in the form that kafkajs takes. */
interface MessageToSend {
  readonly key: string | null
  readonly value: Buffer | null
  readonly partition: number
  readonly headers: Record<string, string>
}

/** Thrown inside kafkajs when a send was cancelled before its request was encoded. */
class SendCancelled extends Error {
  constructor() {
    super('the send was cancelled before it left this process')
    this.name = 'SendCancelled'
  }
}

/**
 * Messages on their way through kafkajs, with the knowledge whether they have been sent. kafkajs reads a message's headers exactly once,
 * when it encodes the request, and writes it to the socket synchronously: a getter on the headers detects this. So a send that waits for a
 * connection or for metadata can be cancelled, and after an error it is known whether the messages can be in the log.
 */
export class Outgoing {
  readonly messages: MessageToSend[]
  /** Bytes of the messages' values. */
  readonly bytes: number
  #left = false
  #cancelled = false

  constructor(partition: number, messages: readonly OutgoingMessage[]) {
    this.messages = messages.map((message) => this.#message(partition, message))
    this.bytes = messages.reduce((sum, { value }) => sum + value.length, 0)
  }

  /** False: nothing of it is in the log; if it failed or was cancelled, nothing ever will be. */
  get left(): boolean {
    return this.#left
  }

  /** Cancels the send. @returns whether that was still possible */
  cancel(): boolean {
    if (!this.#left) this.#cancelled = true
    return this.#cancelled
  }

  #message(partition: number, { value, headers }: OutgoingMessage): MessageToSend {
    const leave = () => {
      if (this.#cancelled) throw new SendCancelled()
      this.#left = true
    }
    return {
      key: null,
      value,
      partition,
      // An own property, because kafkajs spreads the message.
      get headers() {
        leave()
        return { ...headers }
      },
    }
  }
}

/** The partition that the message names; for the message that only connects, any partition with a leader. */
function chosenPartition({
  partitionMetadata,
  message,
}: {
  partitionMetadata: PartitionMetadata[]
  message: { partition?: number }
}): number {
  const found = partitionMetadata.find(({ partitionId, leader }) =>
    message.partition === undefined ? leader >= 0 : partitionId === message.partition,
  )
  if (found === undefined) throw new Error(`partition ${message.partition ?? 'any'} is not in the topic's metadata`)
  return found.partitionId
}
