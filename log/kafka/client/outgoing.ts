import type { Message } from 'kafkajs'
import type { OutgoingMessage } from './port.ts'

/** Thrown inside kafkajs when a send was given up before its bytes were made. */
export class SendCancelled extends Error {
  constructor() {
    super('the send was cancelled before it left this process')
    this.name = 'SendCancelled'
  }
}

/**
 * Messages on their way through kafkajs, which tell whether they have left. kafkajs reads a message's headers exactly once, when it makes the
 * bytes of the request and writes them to the socket in the same breath: a getter notices. So a send that waits for a connection
 * or for metadata can be taken back, and after an error it is known whether anything can be in the log.
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

  /** False: nothing of it is in the log, and never will be once it has failed or was cancelled. */
  get left(): boolean {
    return this.#left
  }

  /** Takes it back. @returns whether that was still possible */
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
      // An own property: kafkajs spreads the message.
      get headers() {
        leave()
        return { ...headers }
      },
    }
  }
}
