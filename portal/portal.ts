import { messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { PlainMetrics } from '../common/metrics.ts'
import type { GuestPortal, PortalRoute } from '../ingest/guest-portal.ts'
import { makeAnswer, type Answer, type BodyHandler, type Exchange, type Reply } from '../ingest/http.ts'
import type { CaptiveApi } from './capport.ts'
import { SAFE_HEADERS } from './pages.ts'
import type { LimitCounts } from './limits.ts'
import type { LoginPage } from './login.ts'
import type { Looks } from './look.ts'
import type { PortalCookies } from './cookie.ts'
import type { Mailer } from './mail.ts'
import type { MessagePage } from './message.ts'
import { addPortalMetrics, type PortalCounts } from './metrics.ts'
import { isShown, parameter, portalRequest, type PortalRequest } from './request.ts'
import type { Roaming } from './roaming.ts'
import type { Texts } from './texts.ts'
import type { WelcomePage } from './welcome.ts'

/** The fields of a form are short; a larger body is not one of our forms. */
const FORM_MAX_BYTES = 8 * 1024

const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(;|$)/i

/** Answers that cannot fail to render. */
function plain(route: PortalRoute, code: number, text: string): Answer {
  return makeAnswer(route, code, text, { contentType: 'text/plain; charset=utf-8', headers: SAFE_HEADERS })
}

const FORM_TOO_LARGE = plain('login', 413, `A form has at most ${FORM_MAX_BYTES} bytes.`)
const FAULT = plain('login', 500, 'The page could not be made. Please try again.')

export interface PortalPages {
  readonly looks: Looks
  readonly cookies: PortalCookies
  readonly login: LoginPage
  readonly welcome: WelcomePage
  readonly message: MessagePage
  readonly captiveApi: CaptiveApi
  /** Outgoing mail; null: not configured. */
  readonly mailer: Mailer | null
  /** Null: sessions do not roam. */
  readonly roaming: Roaming | null
  readonly limitCounts: LimitCounts
  readonly logger: Logger
}

/** The captive portal: the pages to which gateways redirect browsers (WiFiDog protocol, "browser redirects"). */
export class Portal implements GuestPortal, PortalCounts {
  readonly #pages: PortalPages
  faults = 0

  constructor(pages: PortalPages) {
    this.#pages = pages
  }

  get roaming(): Roaming | null {
    return this.#pages.roaming
  }

  get(route: PortalRoute, path: string, exchange: Exchange, head = false): void {
    const request = portalRequest(route, path, exchange, !head && isShown(exchange))
    const texts = this.#texts(request)
    const { login, welcome, message } = this.#pages
    switch (route) {
      case 'login':
        return this.#answer(exchange, login.get(request, texts))
      case 'portal':
        return exchange.reply(welcome.get(request, texts))
      case 'gw_message':
        return exchange.reply(message.get(request, texts))
    }
  }

  #answer(exchange: Exchange, answer: Answer | Promise<Reply>): void {
    if (!(answer instanceof Promise)) return exchange.reply(answer)
    exchange.replyLater(answer.catch((error: unknown) => this.#failed('login', error)))
  }

  captiveApi(path: string, exchange: Exchange): void {
    const question = {
      path,
      host: exchange.header('host'),
      remoteIp: exchange.remoteIp,
      secure: exchange.secure(),
      now: exchange.now(),
    }
    exchange.reply(this.#pages.captiveApi.get(question))
  }

  form(route: PortalRoute, path: string, exchange: Exchange): BodyHandler {
    const request = portalRequest(route, path, exchange)
    const isForm = FORM_TYPE.test(exchange.header('content-type'))
    return {
      maxBytes: FORM_MAX_BYTES,
      tooLarge: FORM_TOO_LARGE,
      handle: (body, to) => {
        // A body of another type has no fields, and so no proof that it comes from one of our pages.
        const form = new URLSearchParams(isForm ? Buffer.from(body).toString('utf8') : '')
        to.replyLater(this.#submitted(request, form).catch((error: unknown) => this.#failed(route, error)))
      },
    }
  }

  get outcomes(): ReadonlyMap<string, number> {
    return this.#pages.login.outcomes
  }

  get limited(): ReadonlyMap<string, number> {
    return this.#pages.limitCounts.counts
  }

  get mailer(): Mailer | null {
    return this.#pages.mailer
  }

  addMetrics(metrics: PlainMetrics): void {
    addPortalMetrics(metrics, this)
  }

  close(): void {
    this.#pages.mailer?.close()
  }

  async #submitted(request: PortalRequest, form: URLSearchParams): Promise<Reply> {
    const texts = this.#texts(request)
    const { login, message } = this.#pages
    return request.route === 'gw_message' ? message.post(request, texts, form) : login.post(request, texts, form)
  }

  /** In the look of the gateway that the address names, else the cookie. */
  #texts({ query, cookieHeader, acceptLanguage, now }: PortalRequest): Texts {
    const { looks, cookies } = this.#pages
    const gwId = parameter(query, 'gw_id', 128) || (cookies.read(cookieHeader, now)?.gwId ?? '')
    return looks.languages(gwId).choose(acceptLanguage)
  }

  #failed(route: PortalRoute, error: unknown): Reply {
    this.faults++
    this.#pages.logger.error(
      { event: 'portal.form_failed', route, err: error },
      `portal: a login form failed: ${messageOf(error)}`,
    )
    return { answer: FAULT, outcome: 'none' }
  }
}
