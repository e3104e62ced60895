import { Backoff } from '../../../common/backoff.ts'
import { within } from '../../../common/within.ts'
import { startingAt } from './connection.ts'
import type { KafkaOptions, OutgoingMessage, Sending, TopicSender } from './port.ts'
import { Outgoing, ProducerConnection } from './producer.ts'
import { SendError } from './send-error.ts'

/** Time limit for a request that a broker never answers. */
const REQUEST_TIMEOUT_MS = 10_000
/** Time limit for a broker that accepts the connection but does not answer. */
const CONNECT_WITHIN_MS = 3000
const RENEW_FIRST_MS = 300
const RENEW_MAX_MS = 5000

/**
 * Sends to one topic, each message once: failed sends are not retried here.
 *
 * kafkajs keeps sending to a leader that hangs (a request that times out neither closes the connection nor refreshes the metadata), and
 * keeps waiting for a broker that hangs during the connect. So after an unanswered send the producer is replaced: a new one is created
 * beside it, through another broker, and takes over once it has fetched the topic's metadata. Each topic has its own producer, because
 * kafkajs fails all topics of a producer when one of them is missing.
 */
export class TopicProducer implements TopicSender {
  readonly #options: KafkaOptions
  readonly #topic: string
  #producer: ProducerConnection | null = null
  /** Index of the broker to try first. */
  #first: number
  #tainted = true
  #making: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  readonly #backoff = new Backoff(RENEW_FIRST_MS, RENEW_MAX_MS)
  #closed = false
  readonly #leaving = new Set<Promise<void>>()
  /** How often the producer was replaced. */
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
      await producer.send(outgoing)
    } catch (error) {
      const failure = new SendError(error, outgoing.left)
      if (!failure.connectionIsFine) this.#distrust(producer)
      throw failure
    }
  }

  #distrust(producer: ProducerConnection): void {
    // The send belongs to an earlier producer, which has been replaced already.
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
      const options = startingAt(this.#options, this.#first++)
      const producer = new ProducerConnection(options, this.#topic, REQUEST_TIMEOUT_MS)
      try {
        await within(CONNECT_WITHIN_MS, producer.connect())
        const old = this.#producer
        this.#producer = producer
        this.#tainted = false
        if (old !== null) {
          this.renewals++
          this.#leave(old)
        }
        // Wait before the next replacement, in case this producer does not work either.
        setTimeout(() => {
          if (!this.#tainted) this.#backoff.reset()
        }, RENEW_MAX_MS).unref()
        return
      } catch (error) {
        this.#lastError = error
        // Nothing is in flight in this producer.
        void producer.disconnect()
      }
    }
    this.#schedule()
  }

  /** Sends in flight in it end by themselves, at the latest when they time out. */
  #leave(producer: ProducerConnection): void {
    const left = producer.disconnect().finally(() => this.#leaving.delete(left))
    this.#leaving.add(left)
  }
}
