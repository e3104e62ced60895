import { GatepostError } from '../../common/errors.ts'
import type { Answer, Reply } from '../http.ts'
import type { Accounts } from './account.ts'
import type { PortalCookies, PortalState } from './cookie.ts'
import { wholeMinutes, type LimitCounts, type Limited, type Origin } from './limits.ts'
import { limitText } from './method.ts'
import type { Pages } from './pages.ts'
import { besides, deviceOf, parameter, redirectQuery, type PortalRequest } from './request.ts'
import type { PortalSession, Sessions } from './sessions.ts'
import type { Texts } from './texts.ts'

/** Messages of gateways; each has a title and a text of that name. */
const MESSAGES: Readonly<Record<string, string>> = {
  denied: 'denied',
  activate: 'activate',
  failed_validation: 'failed_validation',
  'logged-out': 'logged_out',
}

export interface MessageOptions {
  readonly pages: Pages
  readonly cookies: PortalCookies
  readonly sessions: Sessions
  /** Confirms codes; null: there are no accounts. */
  readonly accounts: Accounts | null
  readonly originOf: (remoteIp: string, mac: string) => Origin
  readonly limitCounts: LimitCounts
}

/** `gw_message.php?message=M[&token=T]`: a gateway's message for a client that is not online, or not yet. */
export class MessagePage {
  readonly #options: MessageOptions

  constructor(options: MessageOptions) {
    this.#options = options
  }

  get(request: PortalRequest, texts: Texts): Answer {
    const { cookies, sessions } = this.#options
    const { query, now } = request
    const sent = parameter(query, 'message', 64)
    const message = Object.hasOwn(MESSAGES, sent) ? MESSAGES[sent] : 'other'
    if (message === 'activate') return this.#activate(texts, cookies.read(request.cookieHeader, now))
    const token = parameter(query, 'token', 128)
    const device = deviceOf(query, cookies.read(request.cookieHeader, now))
    const session = token === '' ? null : sessions.verify(token, device, now)
    return this.#page(texts, 200, message, {
      reason:
        message === 'denied' && session !== null
          ? texts.reason(sessions.denial(this.#known(session, request), now) ?? '')
          : '',
      again: this.#loginLink(request),
    })
  }

  /** Handles the form with the mailed code. */
  async post(request: PortalRequest, texts: Texts, form: URLSearchParams): Promise<Reply> {
    const { cookies, sessions, accounts, originOf, limitCounts } = this.#options
    const state = cookies.read(request.cookieHeader, request.now)
    const show = (answer: Answer): Reply => ({ answer, outcome: 'none' })
    if (state === null || accounts === null || !cookies.provesForm(state, parameter(form, 'form', 64)))
      return show(this.#activate(texts, state, 403, 'error.expired'))
    try {
      const origin = originOf(request.remoteIp, state.mac)
      const right = await accounts.confirm(state.sessionId, parameter(form, 'code', 64), origin, request.now)
      if (typeof right !== 'boolean') {
        limitCounts.count('code', right)
        return show(this.#activate(texts, state, 429, limitText(right), right))
      }
      if (!right) return show(this.#activate(texts, state, 403, 'error.code'))
      await sessions.validated(state.sessionId, request.now)
    } catch (error) {
      if (!(error instanceof GatepostError) || error.code !== 'LOG_UNAVAILABLE') throw error
      return show(this.#activate(texts, state, 503, 'error.unavailable'))
    }
    return show(this.#page(texts, 200, 'activate.done', {}))
  }

  /** The form for the code. It works only in the browser that signed up, which has the cookie. */
  #activate(texts: Texts, state: PortalState | null, code = 200, error = '', limited: Limited | null = null): Answer {
    const { cookies, accounts } = this.#options
    const form = state === null || state.sessionId === '' || accounts === null ? '' : cookies.formProof(state)
    const shown =
      error === '' ? '' : texts.text(error, { duration: texts.duration(wholeMinutes(limited?.waitMs ?? 0)) })
    return this.#page(texts, code, 'activate', { form, error: shown }, limited?.waitMs)
  }

  #page(texts: Texts, code: number, message: string, data: Record<string, unknown>, retryAfterMs?: number): Answer {
    const title = texts.text(`${message}.title`)
    const text = texts.text(`${message}.text`)
    const page = { route: 'gw_message', code, title, data: { ...data, text }, retryAfterMs } as const
    return this.#options.pages.answer('message', texts, page)
  }

  /** Adds gateway and account from the login's cookie, since a token holds only tags of them. */
  #known(session: PortalSession, { cookieHeader, now }: PortalRequest): PortalSession {
    const state = this.#options.cookies.read(cookieHeader, now)
    return state !== null && state.sessionId === session.sessionId
      ? { ...session, gwId: state.gwId, account: state.account }
      : session
  }

  /** Link to the login page with the parameters of the gateway's redirect; empty: they are not known. */
  #loginLink({ path, cookieHeader, now }: PortalRequest): string {
    const state = this.#options.cookies.read(cookieHeader, now)
    return state === null ? '' : `${besides(path, 'login')}?${redirectQuery({ ...state, ip: '' })}`
  }
}
