import { messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { AccessLog } from '../access/log.ts'
import type { LogWriter } from '../log/contract.ts'
import { Decisions, type AuthMode } from '../access/decisions.ts'
import { GatewayDevices } from '../access/devices.ts'
import { GatewayRegistry } from '../access/registry.ts'
import { Tokens } from '../access/token.ts'
import {
  makeAnswer,
  makeJsonAnswer,
  NOT_FOUND,
  type Answer,
  type BodyHandler,
  type Exchange,
  type Reply,
} from './http.ts'
import { GatewayReports } from './gateway-reports.ts'
import { DEFAULT_USER_RULES, type UserRules } from './encode/post-auth.ts'
import { APFREE_ROAMING } from './dialects/roaming.ts'
import { MAX_QUERY_CHARACTERS } from './limits.ts'
import { isPortalRoute, type GuestPortal } from './guest-portal.ts'
import { Records } from './records.ts'
import { AuthRoute } from './routes/auth.ts'
import { COUNTERS_MAX_BYTES, CountersRoute } from './routes/counters.ts'
import { PingRoute, PONG } from './routes/ping.ts'
import { AccountingRoute } from './routes/accounting.ts'
import { PostAuthRoute } from './routes/post-auth.ts'
import { notDurable, REPORT_MAX_BYTES, type ReportKind, type ReportOrigin } from './routes/report.ts'
import { ROUTES, routeOf, type Route } from './routes/router.ts'
import { LOCAL_WRITERS, Writers, type WriterOptions } from './writers/writers.ts'

export interface AppOptions {
  readonly log: LogWriter
  readonly authMode: AuthMode
  /** The first signs tokens; tokens signed with the others stay valid until they end. */
  readonly secrets: readonly [string, ...string[]]
  /** Decisions of operators, policies and the portal. */
  readonly access: AccessLog
  /** `fast`: heartbeats and counters are answered before they are durable. */
  readonly ack: 'durable' | 'fast'
  /** Days for which logins are kept; unset: DEFAULT_KEPT_DAYS. */
  readonly loginsKeptDays?: number
  /** Days for which RADIUS accounting is kept; unset: DEFAULT_KEPT_DAYS. */
  readonly accountingKeptDays?: number
  /** What is decided about users; read for each login. Unset: DEFAULT_USER_RULES. */
  readonly users?: () => UserRules
  /** Who may write; unset: LOCAL_WRITERS. */
  readonly writers?: WriterOptions
  /** Creates the portal, whose tokens are records too; unset: no portal. */
  readonly portal?: ((records: Records, reports: GatewayReports) => GuestPortal) | undefined
  readonly logger: Logger
}

const DEFAULT_KEPT_DAYS = 32

/** Routes whose requests have a body that makes records. */
type PostedRoute = 'auth' | ReportKind['route']

const KINDS = { post_auth: 'post-auth', accounting: 'accounting' } as const

const HEALTHY = makeAnswer('healthcheck', 200, 'Healthy', { contentType: 'text/plain' })
const STATUS = makeJsonAnswer('root', 200, { status: 'ok' })

function methodNotAllowed(route: Route, allow: string): Answer {
  return makeJsonAnswer(route, 405, { error: `this path allows ${allow}` }, [['Allow', allow]])
}

/** Allowed methods by route; a path without a route allows none. */
const ALLOWED: Record<Route, string> = {
  ping: 'GET',
  auth: 'GET, POST',
  roam: 'GET',
  login2: 'GET',
  login: 'GET, HEAD, POST',
  portal: 'GET, HEAD',
  gw_message: 'GET, HEAD, POST',
  capport: 'GET, HEAD',
  post_auth: 'POST',
  accounting: 'POST',
  healthcheck: 'GET, HEAD',
  root: 'GET, HEAD',
  unknown: '',
}
/** The answer to a request that failed with an internal error: a gateway keeps its users, a RADIUS server retries. */
const FAILED = makeJsonAnswer('unknown', 500, { error: 'the request failed' })
const FAULTS: Partial<Record<Route, Answer>> = {
  ping: PONG,
  auth: makeAnswer('auth', 200, 'Auth: -1'),
  post_auth: notDurable('post_auth'),
  accounting: notDurable('accounting'),
}

const TOO_LONG = makeJsonAnswer('unknown', 414, {
  error: `path and query may have ${MAX_QUERY_CHARACTERS} characters each`,
})

/** Whether path or query are longer than those of any browser or gateway. Ping and auth make dead letters of long queries themselves. */
function isTooLong(route: Route, path: string, { query }: Exchange): boolean {
  if (path.length > MAX_QUERY_CHARACTERS) return true
  return query.length > MAX_QUERY_CHARACTERS && route !== 'ping' && route !== 'auth'
}

const NOT_ALLOWED = new Map(ROUTES.map((route) => [route, methodNotAllowed(route, ALLOWED[route])]))

/** The routes of both listeners. One per process: handlers reuse their parsers for every request. */
export class App {
  readonly records: Records
  readonly decisions: Decisions
  readonly registry: GatewayRegistry
  readonly postAuth: PostAuthRoute
  readonly accounting: AccountingRoute
  readonly writers: Writers
  readonly #ping: PingRoute
  readonly #auth: AuthRoute
  readonly #counters: CountersRoute
  readonly portal: GuestPortal | null
  readonly #logger: Logger
  readonly #counterBodies: BodyHandler = bodyHandler('auth', COUNTERS_MAX_BYTES, (body, exchange) =>
    this.#post('auth', exchange, () => this.#counters.handle(exchange, body)),
  )
  /** By the kind of report, the name of the credential and how the body is written, so that a request creates none. */
  readonly #reportBodies = new Map<string, BodyHandler>()
  /** Requests that failed with an internal error. */
  faults = 0

  constructor(options: AppOptions) {
    const fast = options.ack === 'fast'
    this.#logger = options.logger
    this.records = new Records(options.log)
    const writers = options.writers ?? LOCAL_WRITERS
    this.writers = new Writers(writers, options.logger)
    for (const source of ['', ...writers.credentials.map(({ name }) => name)]) {
      for (const form of [false, true]) {
        for (const gzip of [false, true]) {
          for (const route of ['post_auth', 'accounting'] as const) {
            const proven = this.writers.proves(KINDS[route], source)
            this.#reportBodies.set(
              bodyKey(route, source, form, gzip),
              this.#reportBody(route, { source, proven, form, gzip }),
            )
          }
        }
      }
    }
    const tokens = new Tokens(options.secrets)
    const { authMode: mode, secrets, access } = options
    this.registry = new GatewayRegistry(access, (gwId) => tokens.gatewayTags(gwId))
    this.decisions = new Decisions({ mode, secret: secrets[0], tokens, access, registry: this.registry })
    const users = options.users ?? (() => DEFAULT_USER_RULES)
    this.postAuth = new PostAuthRoute(this.records, { keptDays: options.loginsKeptDays ?? DEFAULT_KEPT_DAYS, users })
    this.accounting = new AccountingRoute(this.records, {
      keptDays: options.accountingKeptDays ?? DEFAULT_KEPT_DAYS,
      users,
    })
    const devices = new GatewayDevices(access)
    const reports = new GatewayReports()
    this.#ping = new PingRoute(this.records, this.registry, devices, reports, fast)
    this.portal = options.portal?.(this.records, reports) ?? null
    const { records, decisions, registry } = this
    const roaming = this.portal?.roaming ?? null
    const { online } = decisions
    this.#auth = new AuthRoute({ records, decisions, registry, devices, online, roaming, reports, fastCounters: fast })
    this.#counters = new CountersRoute(this.records, this.#auth, fast, (error) => this.#failed('auth', error))
  }

  #reportBody(route: ReportKind['route'], origin: ReportOrigin): BodyHandler {
    return bodyHandler(route, REPORT_MAX_BYTES, (body, exchange) =>
      this.#post(route, exchange, () =>
        (route === 'post_auth' ? this.postAuth : this.accounting).handle(exchange, body, origin),
      ),
    )
  }

  /** Handles GET, and HEAD where it is allowed. `path` has no query. Never throws. */
  get(path: string, exchange: Exchange, head = false): void {
    const route = routeOf(path)
    if (isTooLong(route, path, exchange)) return exchange.reply(TOO_LONG)
    try {
      this.#get(route, path, exchange, head)
    } catch (error) {
      this.#fail(route, exchange, error)
    }
  }

  #fail(route: Route, exchange: Exchange, error: unknown): void {
    const { answer, outcome } = this.#failed(route, error)
    exchange.reply(answer, outcome)
  }

  /** An internal error fails one request, not the worker with all its other requests. */
  #failed(route: Route, error: unknown): Reply {
    this.faults++
    this.#logger.error(
      { event: 'ingest.request_failed', route, err: error },
      `ingest: a request failed: ${messageOf(error)}`,
    )
    return { answer: FAULTS[route] ?? FAILED, outcome: 'dropped' }
  }

  /** Bodies with counters that were refused because too many were waiting. */
  get countersRefused(): number {
    return this.#counters.refused
  }

  #get(route: Route, path: string, exchange: Exchange, head: boolean): void {
    switch (route) {
      case 'ping':
        if (!head) return this.writers.allows('ping', exchange) ? this.#ping.handle(exchange) : undefined
        break
      case 'auth':
        if (!head) return this.writers.allows('auth', exchange) ? this.#auth.handle(exchange) : undefined
        break
      case 'roam':
      case 'login2':
        if (!head)
          return this.writers.allows('auth', exchange) ? this.#auth.roam(exchange, APFREE_ROAMING[route]) : undefined
        break
      case 'login':
      case 'portal':
      case 'gw_message':
        return this.portal === null ? exchange.reply(NOT_FOUND) : this.portal.get(route, path, exchange, head)
      case 'capport':
        return this.portal === null ? exchange.reply(NOT_FOUND) : this.portal.captiveApi(path, exchange)
      case 'healthcheck':
        return exchange.reply(HEALTHY)
      case 'root':
        return exchange.reply(STATUS)
      case 'post_auth':
      case 'accounting':
        break
      case 'unknown':
        return exchange.reply(NOT_FOUND)
    }
    exchange.reply(NOT_ALLOWED.get(route) as Answer)
  }

  /** Returns the handler of the request's body; null: it has no body to handle, and the exchange holds the answer. Never throws. */
  bodyHandler(method: string, path: string, exchange: Exchange): BodyHandler | null {
    const route = routeOf(path)
    if (isTooLong(route, path, exchange)) {
      exchange.reply(TOO_LONG)
      return null
    }
    if (method === 'POST') {
      if (route === 'post_auth' || route === 'accounting') return this.#reportHandler(route, exchange)
      if (route === 'auth') return this.writers.allows('auth', exchange) ? this.#counterBodies : null
      if (this.portal !== null && (route === 'login' || route === 'gw_message'))
        return this.portal.form(route, path, exchange)
    }
    const missing = route === 'unknown' || (this.portal === null && (isPortalRoute(route) || route === 'capport'))
    exchange.reply(missing ? NOT_FOUND : (NOT_ALLOWED.get(route) as Answer))
    return null
  }

  /** Handles the whole body of a POST, which nobody compressed or wrote as a form, by a sender who needs no credential. Never throws. */
  post(route: PostedRoute, body: Uint8Array, exchange: Exchange): void {
    const handler = route === 'auth' ? this.#counterBodies : this.#reportBodies.get(bodyKey(route, '', false, false))
    handler?.handle(body, exchange)
  }

  #reportHandler(route: ReportKind['route'], exchange: Exchange): BodyHandler | null {
    const source = this.writers.writerOf(KINDS[route], exchange)
    if (source === null) return null
    const type = bodyType(exchange.header('content-type'))
    const coding = exchange.header('content-encoding').trim().toLowerCase()
    if (type === 'other' || !['', 'identity', 'gzip', 'x-gzip'].includes(coding)) {
      exchange.reply(NOT_READ[route], 'dropped')
      return null
    }
    const key = bodyKey(route, source, type === 'form', coding.endsWith('gzip'))
    return this.#reportBodies.get(key) as BodyHandler
  }

  #post(route: PostedRoute, exchange: Exchange, handle: () => void): void {
    try {
      handle()
    } catch (error) {
      this.#fail(route, exchange, error)
    }
  }
}

function notRead(route: ReportKind['route']): Answer {
  const error =
    'a report is application/json or application/x-www-form-urlencoded, as it is or with Content-Encoding: gzip'
  return makeJsonAnswer(route, 415, { error }, [['Accept', 'application/json, application/x-www-form-urlencoded']])
}

const NOT_READ = { post_auth: notRead('post_auth'), accounting: notRead('accounting') } as const

/** A body of no type, or of one that programs send without being told to, is JSON. */
function bodyType(contentType: string): 'json' | 'form' | 'other' {
  const type = contentType.split(';', 1)[0].trim().toLowerCase()
  if (type === 'application/x-www-form-urlencoded') return 'form'
  const json = ['', 'application/json', 'text/json', 'text/plain', 'application/octet-stream']
  return json.includes(type) || type.endsWith('+json') ? 'json' : 'other'
}

function bodyKey(route: ReportKind['route'], source: string, form: boolean, gzip: boolean): string {
  return `${route} ${source} ${form ? 'form' : 'json'} ${gzip ? 'gzip' : ''}`
}

function bodyHandler(route: PostedRoute, maxBytes: number, handle: BodyHandler['handle']): BodyHandler {
  const tooLarge = makeJsonAnswer(route, 413, { error: `the body is larger than ${maxBytes} bytes`, field: 'body' })
  return { maxBytes, tooLarge, handle }
}
