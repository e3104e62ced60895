import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { BodyShare } from './body-budget.ts'
import { HEAD_MAX_BYTES } from './raw-head.ts'

/** `full`: too much of other requests is kept; `too_large`: more than a head may have; null: the bytes do not begin with a request line. */
type Kept = Buffer | 'full' | 'too_large' | null

const NONE = Buffer.alloc(0)

/** What was received of a connection's present head. */
class UnfinishedHead {
  #bytes: Buffer = NONE
  #lost: 'full' | 'too_large' | null = null
  #share: BodyShare | null = null
  #request: IncomingMessage | null = null
  /** The present packet ended a head. */
  #isEnded = false
  /** The present packet goes on with a body. */
  #isBody = false

  ended(request: IncomingMessage): void {
    this.#request = request
    this.#isEnded = true
    this.clear()
  }

  /** PRECONDITION: Node.js has parsed the packet. */
  received(packet: Buffer, socket: Socket, shareOf: (socket: Socket) => BodyShare): void {
    const isOfRequest = this.#isEnded || this.#isBody
    this.#isEnded = false
    this.#isBody = this.#request !== null && !this.#request.complete
    if (isOfRequest || this.#lost !== null) return
    if (this.#share === null) {
      this.#share = shareOf(socket)
      socket.once('close', () => this.clear())
    }
    if (this.#bytes.length + packet.length > HEAD_MAX_BYTES) this.#lose('too_large')
    else if (this.#share.take(packet.length)) this.#bytes = Buffer.concat([this.#bytes, packet])
    else this.#lose('full')
  }

  #lose(why: 'full' | 'too_large'): void {
    this.clear()
    this.#lost = why
  }

  clear(): void {
    if (this.#bytes.length > 0) this.#share?.release()
    this.#bytes = NONE
    this.#lost = null
  }

  /** With the packet that Node.js could not parse. */
  take(packet: Buffer): Kept {
    const bytes = this.#bytes
    const lost = this.#lost
    this.clear()
    if (this.#isEnded || this.#isBody) return null
    return lost ?? (bytes.length === 0 ? packet : Buffer.concat([bytes, packet]))
  }
}

/** A property costs less than a WeakMap: most connections have one request of one packet. */
const HEAD = Symbol('unfinished head')
type Watched = Socket & { [HEAD]?: UnfinishedHead | null }

/**
 * What was received of heads that are not complete: Node.js forgets it, and may find only in a later packet that it cannot parse the head. Its bytes count as
 * those of unfinished bodies do, and a head has as many as Node.js allows.
 *
 * MEASURED: a heartbeat over a connection of its own costs 5 to 7 % more CPU time, since Node.js hands each packet over to JavaScript.
 */
export class UnfinishedHeads {
  readonly #received: (this: Socket, packet: Buffer) => void

  /** @param shareOf the part of the budget that a connection may use */
  constructor(shareOf: (socket: Socket) => BodyShare) {
    this.#received = function (this: Watched, packet) {
      // A listener that is removed while a packet is handled still gets this packet.
      if (this[HEAD]) this[HEAD].received(packet, this, shareOf)
    }
  }

  /** PRECONDITION: Node.js listens for the connection's data already. */
  watch(socket: Watched): void {
    socket[HEAD] = new UnfinishedHead()
    socket.on('data', this.#received)
  }

  /** Node.js has read the head of a request. */
  ended(request: IncomingMessage): void {
    ;(request.socket as Watched)[HEAD]?.ended(request)
  }

  /** The head so far, with the packet that Node.js could not parse. */
  take(socket: Watched, packet: Buffer): Kept {
    return socket[HEAD] ? socket[HEAD].take(packet) : packet
  }

  /** Nothing more of the connection is kept. */
  forget(socket: Watched): void {
    socket[HEAD]?.clear()
    socket[HEAD] = null
    socket.off('data', this.#received)
  }
}
