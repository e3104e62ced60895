import type { PartitionMetadata, Producer } from 'kafkajs'
import { Backoff } from '../../../common/backoff.ts'
import { within } from '../../../common/within.ts'
import { createKafka, startingAt } from './connection.ts'
import { Outgoing } from './outgoing.ts'
import type { KafkaOptions, OutgoingMessage, Sending, TopicSender } from './port.ts'
import { SendError } from './send-error.ts'

/** A request that a broker never answers ends after this; brokers are told to give up waiting for replicas a little sooner. */
const REQUEST_TIMEOUT_MS = 10_000
const ACKS_TIMEOUT_MS = 9000
/** A broker that accepts the connection and says nothing is left for another one after this. */
const CONNECT_WITHIN_MS = 3000
const DISCONNECT_WITHIN_MS = REQUEST_TIMEOUT_MS + 2000
const RENEW_FIRST_MS = 300
const RENEW_MAX_MS = 5000

/**
 * Sends to one topic, each message once: what failed is not tried again here.
 *
 * kafkajs goes on to send to a leader that hangs (a request that times out neither closes the connection nor refreshes the metadata), and
 * to wait for a broker that hangs while it connects. So a producer in which a send was not answered is not trusted again:
 * a new one is made beside it, through another broker, and takes its place once it has fetched the topic's metadata.
 * Each topic has producers of its own, because kafkajs fails all topics of a producer when one of them is missing.
 */
export class TopicProducer implements TopicSender {
  readonly #options: KafkaOptions
  readonly #topic: string
  #producer: Producer | null = null
  /** The brokers' list is tried from here on. */
  #first: number
  #tainted = true
  #making: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  readonly #backoff = new Backoff(RENEW_FIRST_MS, RENEW_MAX_MS)
  #closed = false
  readonly #leaving = new Set<Promise<void>>()
  /** Producers that took another's place. */
  renewals = 0
  #lastError: unknown = new Error('not connected')

  constructor(options: KafkaOptions, topic: string) {
    this.#options = options
    this.#topic = topic
    this.#first = Math.floor(Math.random() * options.brokers.length)
  }

  async open(): Promise<void> {
    await this.#renew()
  }

  send(partition: number, messages: readonly OutgoingMessage[]): Sending {
    const outgoing = new Outgoing(partition, messages)
    return {
      acknowledged: this.#send(outgoing),
      bytes: outgoing.bytes,
      withdraw: () => outgoing.cancel(),
    }
  }

  distrust(): void {
    if (this.#producer !== null) this.#distrust(this.#producer)
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#making
    if (this.#producer !== null) this.#leave(this.#producer)
    this.#producer = null
    await Promise.all(this.#leaving)
  }

  async #send(outgoing: Outgoing): Promise<void> {
    const producer = this.#producer
    if (producer === null) {
      outgoing.cancel()
      throw new SendError(this.#lastError, false)
    }
    try {
      await this.#sendBy(producer, outgoing)
    } catch (error) {
      const failure = new SendError(error, outgoing.left)
      if (!failure.connectionIsFine) this.#distrust(producer)
      throw failure
    }
  }

  async #sendBy(producer: Producer, outgoing: Outgoing): Promise<void> {
    const results = await producer.send({
      topic: this.#topic,
      acks: -1,
      timeout: ACKS_TIMEOUT_MS,
      messages: outgoing.messages,
    })
    // A partition that kafkajs does not know of is left out without an error.
    if (results.length !== 1 || results[0].errorCode !== 0) throw new Error('the broker has not acknowledged')
  }

  #distrust(producer: Producer): void {
    // An earlier one, whose sends end late: it has been replaced already.
    if (producer !== this.#producer || this.#tainted) return
    this.#tainted = true
    this.#schedule()
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#renew()
    }, this.#backoff.next())
  }

  #renew(): Promise<void> {
    this.#making ??= this.#make().finally(() => (this.#making = null))
    return this.#making
  }

  async #make(): Promise<void> {
    const { brokers } = this.#options
    for (let attempt = 0; attempt < brokers.length && !this.#closed; attempt++) {
      const producer = this.#newProducer()
      try {
        await within(CONNECT_WITHIN_MS, this.#connect(producer))
        const old = this.#producer
        this.#producer = producer
        this.#tainted = false
        if (old !== null) {
          this.renewals++
          this.#leave(old)
        }
        // The next one is made slowly if this one does not work either.
        setTimeout(() => {
          if (!this.#tainted) this.#backoff.reset()
        }, RENEW_MAX_MS).unref()
        return
      } catch (error) {
        this.#lastError = error
        // It may never be done with that: nothing is under way in it.
        void producer.disconnect().catch(() => {})
      }
    }
    this.#schedule()
  }

  #newProducer(): Producer {
    const options = startingAt(this.#options, this.#first++)
    return createKafka(options, { requestTimeout: REQUEST_TIMEOUT_MS }).producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      retry: { retries: 0 },
      createPartitioner: () => chosenPartition,
    })
  }

  /** A message that is taken back before it leaves makes kafkajs fetch the topic's metadata and connect to a leader. */
  async #connect(producer: Producer): Promise<void> {
    await producer.connect()
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
      await producer.send({ topic: this.#topic, messages: [message] })
    } catch (error) {
      if (!asked) throw error
    }
  }

  /** What is under way in it ends by itself, at the latest with its time-out. */
  #leave(producer: Producer): void {
    const left = within(DISCONNECT_WITHIN_MS, producer.disconnect())
      .catch(() => {})
      .finally(() => this.#leaving.delete(left))
    this.#leaving.add(left)
  }
}

/** The partition that the message names; of the message that is only to connect, any that has a leader. */
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
