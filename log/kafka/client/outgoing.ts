import type { Message } from 'kafkajs'
import type { OutgoingMessage } from './port.ts'

/** Thrown inside kafkajs when a send was cancelled before its request was encoded. */
export class SendCancelled extends Error {
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
  readonly messages: Message[]
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

  #message(partition: number, { value, headers }: OutgoingMessage): Message {
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
