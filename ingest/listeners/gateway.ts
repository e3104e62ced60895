import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Server as PortServer, Socket } from 'node:net'
import type { App } from '../app.ts'
import type { GatewayChannels } from '../channel/channels.ts'
import type { Certificate } from '../../common/certificate.ts'
import { tlsPort, type TlsPort } from '../../common/tls-port.ts'
import { boundConnections, createWebServer, renewCertificate } from '../../common/web-server.ts'
import { plainAddress, type TrustedProxies } from '../../common/trusted-proxies.ts'
import { Exchange, finalAnswer, type Answer, type BodyHandler, type RecordOutcome, type Responder } from '../http.ts'
import { RECEIVED_AT_HEADER, type ReceivedAt } from './received-at.ts'
import { userAgentText } from './user-agent.ts'
import { BODIES_FULL, UNREAD_MAX_BYTES, workerBounds, type ListenerBounds } from './bounds.ts'
import { isHttps, type Listener } from './bulk.ts'
import type { BodyShare } from './body-budget.ts'
import { UnparsedRequests } from './unparsed-requests.ts'

/** Time limit for a request's head, and separately for the whole request; how often they are checked. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const CHECK_MS = 2000
/** A connection without a request is closed. */
const IDLE_MS = 15_000
/** A connection on which nothing moves is closed, also while an answer waits to be read. Longer than any handler takes. */
const STALLED_MS = 60_000

/**
 * The gateway listener: HTTP/1.0 and 1.1 through node:http. WiFiDog gateways speak only HTTP/1.0, which uWebSockets refuses, and read until
 * end of file: HTTP/1.0 is always answered with `Connection: close`.
 */
export class GatewayListener implements Listener, Responder {
  readonly #app: App
  readonly #proxies: TrustedProxies
  readonly #receivedAt: ReceivedAt | null
  readonly #exchange = new Exchange()
  readonly #server: Server
  /** With TLS: what listens, since plain HTTP is answered too. */
  readonly #tlsPort: TlsPort | null
  readonly #certificate: Certificate | null
  readonly #bounds: ListenerBounds
  /** Connections with a request that was not answered yet. */
  readonly #busy = new WeakSet<Socket>()
  readonly #unparsed: UnparsedRequests
  /** The request whose headers a handler may read. */
  #request: IncomingMessage | null = null
  #channels: GatewayChannels | null = null
  port = 0

  /**
   * @param receivedAt in a demo only
   * @param certificate null: no TLS
   */
  constructor(
    app: App,
    proxies: TrustedProxies,
    receivedAt: ReceivedAt | null = null,
    certificate: Certificate | null = null,
    bounds = workerBounds(proxies).gateway,
  ) {
    this.#bounds = bounds
    this.#certificate = certificate
    this.#app = app
    this.#proxies = proxies
    this.#receivedAt = receivedAt
    this.#exchange.listener = 'gateway'
    this.#exchange.header = (name) => {
      const value = this.#request?.headers[name]
      return typeof value === 'string' ? value : ''
    }
    this.#exchange.secure = () =>
      certificate !== null ||
      (proxies.trusts(plainAddress(this.#request?.socket.remoteAddress)) && isHttps(this.#exchange))
    this.#server = createWebServer(
      certificate,
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: IDLE_MS,
        connectionsCheckingInterval: CHECK_MS,
        // HTTP/1.1 without Host is answered too: no route depends on it.
        requireHostHeader: false,
      },
      (request, response) => {
        this.#handle(request, response)
      },
    )
    this.#unparsed = new UnparsedRequests({
      bounds,
      stalledMs: STALLED_MS,
      shareOf: (socket) => this.#shareOf(plainAddress(socket.remoteAddress)),
      isBusy: (socket) => this.#busy.has(socket),
      handle: (request, response) => this.#handle(request, response),
    })
    this.#unparsed.watch(this.#server, certificate === null ? 'connection' : 'secureConnection')
    const plainRequest = () => bounds.refusedHeads.plain++
    this.#tlsPort =
      certificate === null ? null : tlsPort(this.#server, { firstByteMs: HEADERS_TIMEOUT_MS, plainRequest })
    const connections = { gate: bounds.gate, firstByteMs: HEADERS_TIMEOUT_MS, stalledMs: STALLED_MS }
    boundConnections(this.#server, connections, this.#port)
  }

  get #port(): PortServer {
    return this.#tlsPort?.server ?? this.#server
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#port.once('error', reject)
      this.#port.listen({ host, port, backlog: 1024 }, () => {
        this.#port.off('error', reject)
        this.port = (this.#port.address() as AddressInfo).port
        resolve()
      })
    })
  }

  /** Uses the certificate's present content for new connections. @throws Error: it cannot be used */
  renewCertificate(): void {
    if (this.#certificate !== null) renewCertificate(this.#server, this.#certificate)
  }

  /** Hands over the requests for a WebSocket; without this they are answered as others are. */
  serveChannels(channels: GatewayChannels): void {
    this.#channels = channels
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#unparsed.forget(socket)
      channels.upgrade(request, socket, head, this.#remoteIpOf(request))
    })
  }

  stopAccepting(): void {
    this.#port.close()
    this.#server.closeIdleConnections()
  }

  close(): void {
    this.#channels?.close()
    this.#tlsPort?.closeConnections()
    this.#server.closeAllConnections()
  }

  respond(response: unknown, answer: Answer, outcome: RecordOutcome): void {
    const to = response as ServerResponse
    const final = finalAnswer(answer, outcome)
    if (to.destroyed || to.headersSent) return
    const headers: Record<string, string | number> = {}
    if (outcome !== 'none') headers['X-Gatepost-Record'] = outcome
    if (final.contentType !== null) headers['Content-Type'] = final.contentType
    for (const [name, value] of final.headers) headers[name] = value
    if (final.code !== 204) headers['Content-Length'] = Buffer.byteLength(final.body)
    // Node.js keeps an HTTP/1.0 connection open if the client asks for it; a gateway would then wait until it times out.
    if (to.req.httpVersionMinor === 0) headers['Connection'] = 'close'
    to.writeHead(final.code, headers)
    to.end(final.body)
    this.#busy.delete(to.req.socket)
    final.counter.served++
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    // As uWebSockets does: a client that sends on without reading would have its answers collected here.
    if (this.#busy.has(request.socket)) {
      if (!request.socket.destroyed) this.#bounds.pipelined++
      request.socket.destroy()
      return
    }
    this.#busy.add(request.socket)
    const exchange = this.#exchange
    const { method, url } = request
    // node:http decodes bytes beyond ASCII as Latin-1; they are UTF-8.
    const target = /[\u0080-\u00ff]/.test(url as string)
      ? Buffer.from(url as string, 'latin1').toString('utf8')
      : (url as string)
    const question = target.indexOf('?')
    const path = question < 0 ? target : target.slice(0, question)
    const userAgent = userAgentText(request.headers['user-agent'] ?? '')
    const peer = plainAddress(request.socket.remoteAddress)
    const remoteIp = this.#remoteIpOf(request)
    exchange.query = question < 0 ? '' : target.slice(question + 1)
    exchange.userAgent = userAgent
    exchange.remoteIp = remoteIp
    this.#request = request
    if (this.#receivedAt !== null) exchange.now = this.#receivedAt.clock(exchange.header(RECEIVED_AT_HEADER), peer)
    if (method === 'GET' || method === 'HEAD') {
      this.#app.get(path, exchange, method === 'HEAD')
      skipBody(request, response)
      this.#finish(response)
      return
    }
    const handler = this.#app.bodyHandler(method as string, path, exchange)
    if (handler !== null) this.#readBody(request, response, handler)
    else {
      skipBody(request, response)
      this.#finish(response)
    }
  }

  #remoteIpOf({ headers, socket }: IncomingMessage): string {
    const forwardedFor = headers['x-forwarded-for']
    const peer = plainAddress(socket.remoteAddress)
    return typeof forwardedFor === 'string' ? this.#proxies.client(peer, forwardedFor) : peer
  }

  /** The budget of unfinished requests. */
  #shareOf(address: string): BodyShare {
    return this.#bounds.bodies.body(address, this.#proxies.any && this.#proxies.trusts(address))
  }

  #readBody(request: IncomingMessage, response: ServerResponse, handler: BodyHandler): void {
    const { maxBytes, tooLarge } = handler
    const { query, remoteIp, userAgent, now } = this.#exchange
    const share = this.#shareOf(remoteIp)
    let parts: Buffer[] = []
    let length = 0
    let refused = false
    request.on('data', (chunk: Buffer) => {
      if (refused) return
      length += chunk.length
      const fits = length <= maxBytes
      if (fits && share.take(chunk.length)) {
        parts.push(chunk)
        return
      }
      refused = true
      parts = []
      share.release()
      // The rest of the body is not read: Node.js closes the connection once the answer is sent.
      request.pause()
      response.shouldKeepAlive = false
      this.respond(response, fits ? BODIES_FULL : tooLarge, 'dropped')
    })
    request.on('close', () => share.release())
    request.on('end', () => {
      if (refused) return
      share.release()
      const exchange = this.#exchange
      exchange.query = query
      exchange.remoteIp = remoteIp
      exchange.userAgent = userAgent
      exchange.now = now
      handler.handle(parts.length === 1 ? parts[0] : Buffer.concat(parts), exchange)
      this.#finish(response)
    })
    request.on('error', () => response.destroy())
  }

  #finish(response: ServerResponse): void {
    const { batch, answer, outcome } = this.#exchange
    if (batch === null) this.respond(response, answer, outcome)
    else batch.wait(this, response, answer)
  }
}

/** Reads a short body that no handler wants, so that the connection can be used again; after a longer one it is closed. */
function skipBody(request: IncomingMessage, response: ServerResponse): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && Number(length) <= UNREAD_MAX_BYTES) request.resume()
  else response.shouldKeepAlive = false
}
