import { messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { AccessLog } from '../log/access.ts'
import type { LogWriter } from '../log/contract.ts'
import { Decisions, type AuthMode } from './access/decisions.ts'
import { makeAnswer, makeJsonAnswer, NOT_FOUND, type Answer, type Exchange } from './http.ts'
import { Records } from './records.ts'
import { AuthRoute } from './routes/auth.ts'
import { COUNTERS_MAX_BYTES, CountersRoute } from './routes/counters.ts'
import { PingRoute, PONG } from './routes/ping.ts'
import { NOT_DURABLE, POST_AUTH_MAX_BYTES, PostAuthRoute } from './routes/post-auth.ts'
import { ROUTES, routeOf, type Route } from './routes/router.ts'

export interface AppOptions {
  readonly log: LogWriter
  readonly authMode: AuthMode
  readonly secret: string
  /** What operators decided about sessions, clients and gateways; null: this installation cannot. */
  readonly access?: AccessLog | null
  /** `fast`: heartbeats and counters are answered before they are durable. */
  readonly ack: 'durable' | 'fast'
  readonly logger: Logger
}

const HEALTHY = makeAnswer('healthcheck', 200, 'Healthy', { contentType: 'text/plain' })
const STATUS = makeJsonAnswer('root', 200, { status: 'ok' })

function methodNotAllowed(route: Route, allow: string): Answer {
  return makeJsonAnswer(route, 405, { error: `this path takes ${allow}` }, [['Allow', allow]])
}

/** What each route takes; a path of no route takes nothing. */
const ALLOWED: Record<Route, string> = {
  ping: 'GET',
  auth: 'GET, POST',
  post_auth: 'POST',
  healthcheck: 'GET, HEAD',
  root: 'GET, HEAD',
  unknown: '',
}
/** What a request gets when handling it failed: a gateway keeps its users, a RADIUS server sends again. */
const FAILED = makeJsonAnswer('unknown', 500, { error: 'the request could not be handled' })
const FAULTS: Partial<Record<Route, Answer>> = {
  ping: PONG,
  auth: makeAnswer('auth', 200, 'Auth: -1'),
  post_auth: NOT_DURABLE,
}

const NOT_ALLOWED = new Map(ROUTES.map((route) => [route, methodNotAllowed(route, ALLOWED[route])]))

/** A route that takes bodies, of so many bytes at most. */
export interface BodyRoute {
  readonly route: Route
  readonly maxBytes: number
  readonly tooLarge: Answer
}

function bodyRoute(route: Route, maxBytes: number): BodyRoute {
  const tooLarge = makeJsonAnswer(route, 413, { error: `the body is larger than ${maxBytes} bytes`, field: 'body' })
  return { route, maxBytes, tooLarge }
}

const BODY_ROUTES: Partial<Record<Route, BodyRoute>> = {
  post_auth: bodyRoute('post_auth', POST_AUTH_MAX_BYTES),
  auth: bodyRoute('auth', COUNTERS_MAX_BYTES),
}

/** The routes of both listeners. One per process: handlers reuse their parsers from request to request. */
export class App {
  readonly records: Records
  readonly decisions: Decisions
  readonly postAuth: PostAuthRoute
  readonly #ping: PingRoute
  readonly #auth: AuthRoute
  readonly #counters: CountersRoute
  readonly #logger: Logger
  /** Requests whose handling threw. */
  faults = 0

  constructor(options: AppOptions) {
    const fast = options.ack === 'fast'
    this.#logger = options.logger
    this.records = new Records(options.log)
    this.decisions = new Decisions(options.authMode, options.secret, options.access)
    this.postAuth = new PostAuthRoute(this.records)
    this.#ping = new PingRoute(this.records, fast)
    this.#auth = new AuthRoute(this.records, this.decisions, fast)
    this.#counters = new CountersRoute(this.records, this.#auth, fast)
  }

  /** A GET, or a HEAD where it is allowed. `path` is without the query. Never throws. */
  get(path: string, exchange: Exchange, head = false): void {
    const route = routeOf(path)
    try {
      this.#get(route, exchange, head)
    } catch (error) {
      this.#failed(route, exchange, error)
    }
  }

  /** A fault of ours costs one request, not the worker and everyone who waits on it. */
  #failed(route: Route, exchange: Exchange, error: unknown): void {
    this.faults++
    this.#logger.error({ route, err: error }, `a request could not be handled: ${messageOf(error)}`)
    exchange.reply(FAULTS[route] ?? FAILED, 'dropped')
  }

  #get(route: Route, exchange: Exchange, head: boolean): void {
    switch (route) {
      case 'ping':
        if (!head) return this.#ping.handle(exchange)
        break
      case 'auth':
        if (!head) return this.#auth.handle(exchange)
        break
      case 'healthcheck':
        return exchange.reply(HEALTHY)
      case 'root':
        return exchange.reply(STATUS)
      case 'post_auth':
        break
      case 'unknown':
        return exchange.reply(NOT_FOUND)
    }
    exchange.reply(NOT_ALLOWED.get(route) as Answer)
  }

  /** Where a request's body goes once it has come; null: it takes none, and the exchange holds its answer. */
  bodyRoute(method: string, path: string, exchange: Exchange): BodyRoute | null {
    const route = routeOf(path)
    const takes = BODY_ROUTES[route]
    if (method === 'POST' && takes !== undefined) return takes
    exchange.reply(route === 'unknown' ? NOT_FOUND : (NOT_ALLOWED.get(route) as Answer))
    return null
  }

  /** The body of a request that has a bodyRoute(). Never throws. */
  post(route: Route, body: Uint8Array, exchange: Exchange): void {
    try {
      if (route === 'auth') this.#counters.handle(exchange, body)
      else this.postAuth.handle(exchange, body)
    } catch (error) {
      this.#failed(route, exchange, error)
    }
  }
}
