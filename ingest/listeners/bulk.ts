import type { App } from '../app.ts'
import type { Certificate } from '../../common/certificate.ts'
import type { TrustedProxies } from '../../common/trusted-proxies.ts'
import type { BodyShare } from './body-budget.ts'
import { addressText } from './client-address.ts'
import { messageOf } from '../../common/errors.ts'
import { AMBIGUOUS_LENGTH, BODIES_FULL, UNREAD_MAX_BYTES, workerBounds, type ListenerBounds } from './bounds.ts'
import { PortPeers } from './port-peers.ts'
import { Exchange, finalAnswer, type Answer, type RecordOutcome, type Responder } from '../http.ts'
import { RECEIVED_AT_HEADER, type ReceivedAt } from './received-at.ts'
import { userAgentText } from './user-agent.ts'
import { RenewableApp } from './renewable-app.ts'
import type { HttpRequest, HttpResponse } from './uws.ts'

export interface Listener {
  readonly port: number
  /** Accepts no new connections; requests in flight are answered. */
  stopAccepting(): void
  /** Closes every connection. */
  close(): void
}

const EMPTY = new Uint8Array(0)

/** uWebSockets marks the response as aborted itself, but requires a handler. */
function onAborted(): void {}

/**
 * The bulk listener: HTTP/1.1 keep-alive through uWebSockets.js. Several workers share the port (SO_REUSEPORT).
 * A GET allocates nothing beyond what uWebSockets allocates: the exchange and the callbacks are reused.
 */
export class BulkListener implements Listener, Responder {
  readonly #app: App
  readonly #proxies: TrustedProxies
  readonly #receivedAt: ReceivedAt | null
  readonly #server: RenewableApp
  readonly #exchange = new Exchange()
  /** The request whose headers a handler may read: only until the callback that delivered it returns. */
  #request: HttpRequest | null = null
  #peer = ''
  readonly #bounds: ListenerBounds
  #peers: PortPeers | null = null
  port = 0

  // Input of writeCorked(): cork() calls back synchronously, so one set of fields serves all responses.
  #answer: Answer | null = null
  #outcome: RecordOutcome = 'none'
  #response: HttpResponse | null = null
  #bodyless = false
  #closes = false

  /**
   * @param receivedAt in a demo only
   * @param certificate null: no TLS
   */
  constructor(
    app: App,
    proxies: TrustedProxies,
    receivedAt: ReceivedAt | null = null,
    certificate: Certificate | null = null,
    bounds = workerBounds(proxies).bulk,
  ) {
    this.#bounds = bounds
    this.#server = new RenewableApp(certificate)
    this.#app = app
    this.#proxies = proxies
    this.#receivedAt = receivedAt
    this.#exchange.header = (name) => this.#request?.getHeader(name) ?? ''
    this.#exchange.secure = () => certificate !== null || (proxies.trusts(this.#peer) && isHttps(this.#exchange))
    this.#server
      .filter((response, count) => {
        if (Number(count) < 0) bounds.gate.ended()
        // uWebSockets lets a filter close the connection that it is called for.
        else if (!this.#admits(response)) response.close()
      })
      .get('/*', (response, request) => {
        if (hasBody(request)) return this.#refuse(response, AMBIGUOUS_LENGTH)
        this.#describe(response, request)
        this.#app.get(request.getUrl(), this.#exchange)
        this.#finish(response)
      })
      .head('/*', (response, request) => {
        if (hasBody(request)) return this.#refuse(response, AMBIGUOUS_LENGTH)
        this.#describe(response, request)
        this.#app.get(request.getUrl(), this.#exchange, true)
        this.#bodyless = true
        this.#finish(response)
        this.#bodyless = false
      })
      .any('/*', (response, request) => {
        this.#other(response, request)
      })
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve) => {
      this.port = this.#server.listen(host, port)
      this.#peers = new PortPeers(this.port)
      resolve()
    })
  }

  /** Uses the certificate's present content for new connections. @throws Error: it cannot be used */
  renewCertificate(): void {
    this.#server.renew()
  }

  stopAccepting(): void {
    this.#server.stopAccepting()
  }

  close(): void {
    this.#server.close()
  }

  #admits(response: HttpResponse): boolean {
    const { gate } = this.#bounds
    if (!gate.opened()) return false
    if (gate.open * 4 <= gate.limits.total || this.#peers === null) return true
    const address = addressText(response.getRemoteAddress())
    return !gate.tooMany(address, this.#peers.add(address))
  }

  /**
   * Answers a request whose body is not read, and closes the connection. What follows on it must not be taken for a request: as long as there is
   * no answer, uWebSockets closes the connection at the next one, so the answer comes in a later turn of the event loop.
   */
  #refuse(response: HttpResponse, answer: Answer, outcome: RecordOutcome = 'none'): void {
    if (answer === AMBIGUOUS_LENGTH) this.#bounds.framing++
    response.onAborted(onAborted)
    setImmediate(() => {
      this.#closes = true
      this.respond(response, answer, outcome)
      this.#closes = false
    })
  }

  respond(response: unknown, answer: Answer, outcome: RecordOutcome): void {
    const final = finalAnswer(answer, outcome)
    this.#answer = final
    this.#outcome = outcome
    this.#response = response as HttpResponse
    try {
      this.#response.cork(this.#writeCorked)
      final.counter.served++
    } catch (error) {
      // The client has disconnected: uWebSockets throws when a response is used after onAborted.
      if (!messageOf(error).includes('onAborted')) throw error
    }
    this.#response = null
  }

  readonly #writeCorked = (): void => {
    const response = this.#response as HttpResponse
    const answer = this.#answer as Answer
    if (answer.code !== 200) response.writeStatus(answer.status)
    if (this.#outcome !== 'none') response.writeHeader('X-Gatepost-Record', this.#outcome)
    if (answer.contentType !== null) response.writeHeader('Content-Type', answer.contentType)
    for (const [name, value] of answer.headers) response.writeHeader(name, value)
    // RFC 9110, 8.6: no Content-Length with 204; HEAD has the length and no body.
    if (this.#bodyless && answer.code !== 204)
      response.writeHeader('Content-Length', String(Buffer.byteLength(answer.body)))
    if (answer.code === 204 || this.#bodyless) response.endWithoutBody()
    else response.end(answer.body, this.#closes)
  }

  #describe(response: HttpResponse, request: HttpRequest): void {
    const exchange = this.#exchange
    const peer = addressText(response.getRemoteAddress())
    this.#request = request
    this.#peer = peer
    // Contrary to its type, undefined if the target has no "?".
    const query: string | undefined = request.getQuery()
    exchange.query = query ?? ''
    exchange.userAgent = userAgentText(request.getHeader('user-agent'))
    exchange.remoteIp = this.#proxies.any ? this.#proxies.client(peer, forwardedFor(request)) : peer
    if (this.#receivedAt !== null) exchange.now = this.#receivedAt.clock(request.getHeader(RECEIVED_AT_HEADER), peer)
  }

  #finish(response: HttpResponse): void {
    const { batch, answer, outcome } = this.#exchange
    this.#request = null
    if (batch === null) this.respond(response, answer, outcome)
    else {
      response.onAborted(onAborted)
      batch.wait(this, response, answer)
    }
  }

  #other(response: HttpResponse, request: HttpRequest): void {
    const exchange = this.#exchange
    const length = bodyLength(request)
    if (length === null) return this.#refuse(response, AMBIGUOUS_LENGTH)
    this.#describe(response, request)
    const handler = this.#app.bodyHandler(request.getMethod().toUpperCase(), request.getUrl(), exchange)
    this.#request = null
    if (handler === null) {
      if (length > UNREAD_MAX_BYTES) this.#refuse(response, exchange.answer, exchange.outcome)
      else this.#finish(response)
      return
    }
    const { maxBytes, tooLarge } = handler
    const { query, remoteIp, userAgent, now } = exchange
    if (length > maxBytes && length !== Infinity) return this.#refuse(response, tooLarge, 'dropped')
    const proxied = this.#proxies.any && this.#proxies.trusts(remoteIp)
    let share: BodyShare | null = null
    response.onAborted(() => share?.release())
    let parts: Buffer[] | null = null
    let received = 0
    let answered = false
    // One closure per POST: the body may arrive later, when uWebSockets no longer provides the request.
    response.onData((chunk, isLast) => {
      if (answered) return
      received += chunk.byteLength
      const fits = received <= maxBytes
      if (!fits || (!isLast && !(share ??= this.#bounds.bodies.body(remoteIp, proxied)).take(chunk.byteLength))) {
        answered = true
        parts = null
        share?.release()
        this.#refuse(response, fits ? BODIES_FULL : tooLarge, 'dropped')
        return
      }
      if (!isLast) {
        // The chunk is only valid during the callback.
        ;(parts ??= []).push(Buffer.from(new Uint8Array(chunk)))
        return
      }
      share?.release()
      exchange.query = query
      exchange.remoteIp = remoteIp
      exchange.userAgent = userAgent
      exchange.now = now
      let body = received === 0 ? EMPTY : new Uint8Array(chunk)
      if (parts !== null) body = Buffer.concat([...parts, body])
      handler.handle(body, exchange)
      this.#finish(response)
    })
  }
}

/** Whether the trusted proxy next to us says that it received the request over HTTPS. */
export function isHttps(exchange: Exchange): boolean {
  return exchange.header('x-forwarded-proto').split(',').at(-1)?.trim().toLowerCase() === 'https'
}

/** Whether a request without a body states the length of one. */
function hasBody(request: HttpRequest): boolean {
  return (
    (request.getHeader('content-length') !== '' || request.getHeader('transfer-encoding') !== '') &&
    bodyLength(request) !== 0
  )
}

/**
 * The bytes of the body; Infinity: it is chunked. Null: the length is stated twice, or not in the only way that every server reads alike.
 * uWebSockets takes the first of several lengths, and any Transfer-Encoding for chunked.
 */
function bodyLength(request: HttpRequest): number | null {
  let length: number | null = null
  let encodings = 0
  let ambiguous = false
  request.forEach((name, value) => {
    if (name === 'content-length') {
      ambiguous ||= length !== null || !/^\d{1,15}$/.test(value)
      length = Number(value)
    } else if (name === 'transfer-encoding') {
      encodings++
      ambiguous ||= encodings > 1 || value.trim().toLowerCase() !== 'chunked'
    }
  })
  if (ambiguous || (encodings > 0 && length !== null)) return null
  return encodings > 0 ? Infinity : (length ?? 0)
}

/** Joins all X-Forwarded-For lines, since a proxy may append a line instead of an element. */
function forwardedFor(request: HttpRequest): string {
  let lines = ''
  request.forEach((name, value) => {
    if (name === 'x-forwarded-for') lines += lines === '' ? value : `,${value}`
  })
  return lines
}
