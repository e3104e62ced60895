import { ServerResponse, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { ListenerBounds } from './bounds.ts'
import type { BodyShare } from './body-budget.ts'
import { RawRequest, type Progress } from './raw-request.ts'
import { UnfinishedHeads } from './unfinished-heads.ts'

/** An error of node:http, with the bytes that were received last. */
interface UnparsedError extends Error {
  readonly code?: string
  readonly rawPacket?: Buffer
}

/** What llhttp calls faults of a request line or a header. */
const ERRORS_IN_HEADS = new Set([
  'HPE_INVALID_URL',
  'HPE_INVALID_CONSTANT',
  'HPE_INVALID_VERSION',
  'HPE_INVALID_HEADER_TOKEN',
  'HPE_LF_EXPECTED',
  'HPE_CR_EXPECTED',
])

type Refusal = readonly [reason: keyof ListenerBounds['refusedHeads'], status: string]
const MALFORMED: Refusal = ['malformed', '400 Bad Request']
const TOO_LARGE: Refusal = ['too_large', '431 Request Header Fields Too Large']
const TIMED_OUT: Refusal = ['timed_out', '408 Request Timeout']
const FULL: Refusal = ['full', '503 Service Unavailable']
/** By error code; other errors say that the connection is lost. */
const REFUSALS = new Map<string, Refusal>([
  ['HPE_HEADER_OVERFLOW', TOO_LARGE],
  ['ERR_HTTP_REQUEST_TIMEOUT', TIMED_OUT],
])

/** A GET whose headers have not come after its request line is answered without them. */
const HEADERS_MS = 2000

export interface UnparsedOptions {
  readonly bounds: ListenerBounds
  /** A connection on which nothing moves is closed after this time. */
  readonly stalledMs: number
  /** The share of the budget of unfinished requests that this connection may use. */
  readonly shareOf: (socket: Socket) => BodyShare
  /** Whether a request of the connection was not answered yet. */
  readonly isBusy: (socket: Socket) => boolean
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
}

/** Requests that Node.js cannot parse: they are handled all the same if raw-head.ts can read them, and refused and counted otherwise. */
export class UnparsedRequests {
  readonly #options: UnparsedOptions
  readonly #heads: UnfinishedHeads
  /** Connections whose last request Node.js could not parse, and the request if we can: neither reads another one. */
  readonly #unparsed = new WeakMap<Socket, RawRequest | null>()

  constructor(options: UnparsedOptions) {
    this.#options = options
    this.#heads = new UnfinishedHeads(options.shareOf)
  }

  /** PRECONDITION: the server listens for its connections already. @param ready the event of a connection that carries HTTP */
  watch(server: Server, ready: 'connection' | 'secureConnection'): void {
    server.on(ready, (socket: Socket) => this.#heads.watch(socket))
    server.on('request', (request: IncomingMessage) => this.#heads.ended(request))
    server.on('clientError', (error, socket) => this.#failed(error, socket as Socket))
  }

  /** The connection does not carry HTTP any more. */
  forget(socket: Socket): void {
    this.#heads.forget(socket)
  }

  /** Node.js reports what it cannot parse, and what takes too long, once for each packet. */
  #failed({ code = '', rawPacket }: UnparsedError, socket: Socket): void {
    const raw = this.#unparsed.get(socket)
    if (raw === undefined) {
      this.#begin(code, rawPacket, socket)
      return
    }
    if (raw === null || raw.complete || socket.writableEnded) {
      if (socket.writableFinished) socket.destroy()
      return
    }
    if (rawPacket !== undefined) this.#goOn(raw, raw.take(rawPacket), socket)
    else this.#end(REFUSALS.get(code) ?? null, socket)
  }

  #begin(code: string, rawPacket: Buffer | undefined, socket: Socket): void {
    // While a body is read, the packet does not begin with a head.
    const mayBeRead = ERRORS_IN_HEADS.has(code) && rawPacket !== undefined && !this.#options.isBusy(socket)
    const kept = mayBeRead ? this.#heads.take(socket, rawPacket) : null
    this.#heads.forget(socket)
    if (kept === 'full') this.#end(FULL, socket)
    else if (kept === 'too_large') this.#end(TOO_LARGE, socket)
    else if (kept === null) this.#end(REFUSALS.get(code) ?? (code.startsWith('HPE_') ? MALFORMED : null), socket)
    else {
      const raw = new RawRequest(socket, this.#options.shareOf(socket))
      this.#unparsed.set(socket, raw)
      socket.once('close', () => raw.release())
      // MEASURED: Node.js goes on to measure the time since the request's first byte, and reports after its limit for a head that it is over.
      socket.setTimeout(this.#options.stalledMs)
      this.#goOn(raw, raw.take(kept), socket)
    }
  }

  #goOn(raw: RawRequest, progress: Progress, socket: Socket): void {
    if (progress === 'malformed') this.#end(MALFORMED, socket)
    else if (progress === 'too_large') this.#end(TOO_LARGE, socket)
    else if (progress === 'full') this.#end(FULL, socket)
    else if (progress === 'begins') this.#handle(raw.message as IncomingMessage, socket)
    else if (progress === 'line') this.#waitForHeaders(raw, socket)
  }

  #waitForHeaders(raw: RawRequest, socket: Socket): void {
    if (raw.awaitsHeaders) return
    raw.awaitsHeaders = true
    const timer = setTimeout(() => {
      if (raw.message === null && socket.writable) this.#goOn(raw, raw.end(), socket)
    }, HEADERS_MS)
    socket.once('close', () => clearTimeout(timer))
  }

  #handle(request: IncomingMessage, socket: Socket): void {
    this.#options.bounds.repairedHeads++
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.on('finish', () => socket.end())
    socket.once('close', () => request.destroy())
    this.#options.handle(request, response)
  }

  /** @param refusal null: the connection is lost */
  #end(refusal: Refusal | null, socket: Socket): void {
    this.#unparsed.get(socket)?.release()
    this.#unparsed.set(socket, null)
    if (refusal === null) {
      socket.destroy()
      return
    }
    const [reason, status] = refusal
    this.#options.bounds.refusedHeads[reason]++
    if (socket.writable && !this.#options.isBusy(socket)) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
    socket.destroySoon()
  }
}
