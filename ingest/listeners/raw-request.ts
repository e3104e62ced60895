import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { BodyShare } from './body-budget.ts'
import { RawBody } from './raw-body.ts'
import { HEAD_MAX_BYTES, readRawHead } from './raw-head.ts'

/**
 * `head`: the head goes on; `line`: so it does, but a GET may be answered without the rest; `begins`: its head is complete; `body`: the body goes on, or has
 * ended; `full`: too much of other requests is kept.
 */
export type Progress = 'head' | 'line' | 'begins' | 'body' | 'malformed' | 'too_large' | 'full'

const NONE = Buffer.alloc(0)

/** A request that is read packet by packet, since Node.js reads nothing more of a connection whose head it could not parse. */
export class RawRequest {
  readonly #socket: Socket
  readonly #share: BodyShare
  #head: Buffer = NONE
  #body: RawBody | null = null
  /** Set once the head is complete. */
  message: IncomingMessage | null = null
  /** It is a GET that begins soon, whether or not its other headers come. */
  awaitsHeaders = false

  /** @param share counts the bytes of the unfinished head, until release() */
  constructor(socket: Socket, share: BodyShare) {
    this.#socket = socket
    this.#share = share
  }

  /** No more packets are wanted. */
  get complete(): boolean {
    return this.message?.complete ?? false
  }

  /** PRECONDITION: the first packet begins with the request line. */
  take(packet: Buffer): Progress {
    if (this.message !== null) return this.#takeBody(this.message, packet) ? 'body' : 'malformed'
    this.#head = this.#head.length === 0 ? packet : Buffer.concat([this.#head, packet])
    const progress = this.#readHead(this.#head.length > HEAD_MAX_BYTES)
    if (progress !== 'head' && progress !== 'line') return progress
    return this.#share.take(packet.length) ? progress : 'full'
  }

  /** A GET begins without the headers that have not come. PRECONDITION: take() returned `line`. */
  end(): Progress {
    return this.#readHead(true)
  }

  /** May be called more than once. */
  release(): void {
    this.#head = NONE
    this.#share.release()
  }

  #readHead(isAll: boolean): Progress {
    const head = readRawHead(this.#head, this.#socket, isAll)
    if (head === null) return 'malformed'
    if (head === 'unfinished') return this.#head.length > HEAD_MAX_BYTES ? 'too_large' : 'head'
    if (head === 'line') return 'line'
    const { message, length } = head
    if (message.method === 'GET' || message.method === 'HEAD') {
      this.release()
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
    this.release()
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
