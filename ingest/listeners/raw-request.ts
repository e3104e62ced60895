import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { RawBody } from './raw-body.ts'
import { HEAD_MAX_BYTES, readRawHead } from './raw-head.ts'

/** `head`: the head goes on; `begins`: its head is complete; `body`: the body goes on, or has ended. */
type Progress = 'head' | 'begins' | 'body' | 'malformed' | 'too_large'

/** A request that is read packet by packet, since Node.js reads nothing more of a connection whose head it could not parse. */
export class RawRequest {
  readonly #socket: Socket
  #head: Buffer = Buffer.alloc(0)
  #body: RawBody | null = null
  /** Set once the head is complete. */
  message: IncomingMessage | null = null

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** No more packets are wanted. */
  get complete(): boolean {
    return this.message?.complete ?? false
  }

  /** PRECONDITION: the first packet begins with the request line, and holds all of it. */
  take(packet: Buffer): Progress {
    if (this.message !== null) return this.#takeBody(this.message, packet) ? 'body' : 'malformed'
    this.#head = this.#head.length === 0 ? packet : Buffer.concat([this.#head, packet])
    const head = readRawHead(this.#head, this.#socket)
    if (head === null) return 'malformed'
    if (head === 'unfinished') return this.#head.length > HEAD_MAX_BYTES ? 'too_large' : 'head'
    const { message, length } = head
    if (message.method === 'GET' || message.method === 'HEAD') {
      this.message = message
      message.complete = true
      message.push(null)
      return 'begins'
    }
    if (length > HEAD_MAX_BYTES) return 'too_large'
    this.#body = RawBody.of(message.headers)
    if (this.#body === null) return 'malformed'
    this.message = message
    const rest = this.#head.subarray(length)
    this.#head = Buffer.alloc(0)
    return this.#takeBody(message, rest) ? 'begins' : 'malformed'
  }

  #takeBody(message: IncomingMessage, packet: Buffer): boolean {
    const body = this.#body as RawBody
    const parts = body.take(packet)
    if (parts === null) return false
    for (const part of parts) message.push(part)
    if (body.ended) {
      message.complete = true
      message.push(null)
    }
    return true
  }
}
