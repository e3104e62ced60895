import { GatepostError } from '../common/errors.ts'
import type { Answer, Reply } from '../ingest/http.ts'
import type { Accounts, Unconfirmed } from './account.ts'
import type { Confirmed } from './confirmation.ts'
import type { PortalCookies, PortalState, TicketOf } from './cookie.ts'
import { wholeMinutes, type LimitCounts, type Limited, type Origin } from './limits.ts'
import { limitText } from './method.ts'
import { wayOn } from './onward.ts'
import type { PageMaker } from './pages.ts'
import { besides, parameter, redirectQuery, type PortalRequest } from './request.ts'
import type { Sessions } from './sessions.ts'
import type { Texts } from './texts.ts'

export interface ConfirmOptions {
  readonly pages: PageMaker
  readonly cookies: PortalCookies
  readonly sessions: Sessions
  readonly accounts: Accounts
  readonly originOf: (remoteIp: string, mac: string) => Origin
  readonly limitCounts: LimitCounts
  /** The operator's page for guests of a gateway; null: none. */
  readonly landing: (gwId: string, now: number) => string | null
}

/** What a page says beside its text. */
interface Shown {
  readonly code: number
  /** Key of a text; empty: none. */
  readonly error: string
  readonly limited?: Limited | null
  readonly email?: string
  readonly needsPassword?: boolean
}

const AT_FIRST: Shown = { code: 200, error: '' }

/**
 * Pages that confirm the address of a sign-up. A mailed link (`?confirm=LINK`) opens in any browser and asks for a click, since programs that scan mails follow links.
 * The code (`?message=activate`) can be entered in any browser too, with the address.
 */
export class ConfirmPage {
  readonly #options: ConfirmOptions

  constructor(options: ConfirmOptions) {
    this.#options = options
  }

  link(request: PortalRequest, texts: Texts): Answer {
    return this.#orUnavailable(texts, () => this.#link(request, texts, AT_FIRST))
  }

  code(request: PortalRequest, texts: Texts): Answer {
    return this.#orUnavailable(texts, () => this.#code(request, texts, AT_FIRST))
  }

  /** Handles the form of either page. */
  async post(request: PortalRequest, texts: Texts, form: URLSearchParams): Promise<Reply> {
    try {
      const answer = request.query.has('confirm')
        ? this.#byLink(request, texts, form)
        : this.#byCode(request, texts, form)
      return { answer: await answer, outcome: 'none' }
    } catch (error) {
      return { answer: this.#unavailable(texts, error), outcome: 'none' }
    }
  }

  /** The link itself proves the form: nobody but the owner of the mailbox knows it. */
  async #byLink(request: PortalRequest, texts: Texts, form: URLSearchParams): Promise<Answer> {
    const { now } = request
    const show = (shown: Shown) => this.#link(request, texts, shown)
    if (request.isOfOtherSite) return show({ code: 403, error: 'error.expired' })
    const link = parameter(request.query, 'confirm', 64)
    const by = {
      ...this.#browser(request),
      email: null,
      code: '',
      link,
      password: parameter(form, 'password', 200),
      now,
    }
    return this.#confirm(request, texts, by, form.has('password'), show)
  }

  async #byCode(request: PortalRequest, texts: Texts, form: URLSearchParams): Promise<Answer> {
    const { now } = request
    const email = form.has('email') ? parameter(form, 'email', 254) : null
    const show = (shown: Shown) => this.#code(request, texts, { ...shown, email: email ?? '' })
    if (!this.#isOurs(request, parameter(form, 'form', 160))) return show({ code: 403, error: 'error.expired' })
    const [code, password] = [parameter(form, 'code', 64), parameter(form, 'password', 200)]
    const by = { ...this.#browser(request), email, code, link: '', password, now }
    return this.#confirm(request, texts, by, form.has('password'), show)
  }

  async #confirm(
    request: PortalRequest,
    texts: Texts,
    by: Parameters<Accounts['confirm']>[0],
    hasPassword: boolean,
    show: (shown: Shown) => Answer,
  ): Promise<Answer> {
    const { accounts, sessions, limitCounts } = this.#options
    const result: Confirmed | Unconfirmed | Limited = await accounts.confirm(by)
    if (result === 'wrong') return show({ code: 403, error: by.link === '' ? 'error.code' : '' })
    if (result === 'password')
      return show({ code: 403, error: hasPassword ? 'error.confirm.password' : '', needsPassword: true })
    if ('limit' in result) {
      limitCounts.count('code', result)
      return show({ code: result.limit === 'busy' ? 503 : 429, error: limitText(result), limited: result })
    }
    for (const sessionId of result.sessions) await sessions.validated(sessionId, by.now)
    return this.#done(request, texts, result)
  }

  /** The way back: on to the page that the guest wanted, or to the login if the time was over. */
  #done(request: PortalRequest, texts: Texts, { sessions, pending }: Confirmed): Answer {
    const { gwId = '', gwAddress = '', gwPort = '', mac = '', url = '' } = pending
    if (sessions.length > 0)
      return this.#page(texts, 200, 'activate.done', { onward: wayOn(this.#options.landing(gwId, request.now), url) })
    const redirect = { gwId, gwAddress, gwPort, mac, url, ip: '' }
    const again = gwId === '' ? '' : `${besides(request.path, 'login')}?${redirectQuery(redirect)}`
    return this.#page(texts, 200, 'activate.late', { again })
  }

  #link(request: PortalRequest, texts: Texts, shown: Shown): Answer {
    const of = this.#options.accounts.ofLink(parameter(request.query, 'confirm', 64), request.now)
    if (of === null) return this.#page(texts, shown.code === 200 ? 404 : shown.code, 'confirm.used', {})
    const { account, needsPassword } = of
    const data = { text: texts.text('confirm.text', { address: account }), confirm: 'link', needsPassword }
    return this.#page(texts, shown.code, 'confirm', { ...data, ...this.#error(texts, shown) }, shown.limited?.waitMs)
  }

  /** A browser that signed up itself is asked for the code alone. */
  #code(request: PortalRequest, texts: Texts, shown: Shown): Answer {
    const { cookies, accounts } = this.#options
    const state = this.#state(request)
    const proof = state === null ? '' : cookies.formProof(state)
    const data = {
      confirm: 'code',
      form: `${proof}.${cookies.ticket(confirmTicket(request), request.now)}`,
      asksEmail: state === null || !accounts.hasSignedUp(state.sessionId, request.now),
      email: shown.email ?? state?.account ?? '',
      needsPassword: shown.needsPassword === true,
    }
    return this.#page(texts, shown.code, 'activate', { ...data, ...this.#error(texts, shown) }, shown.limited?.waitMs)
  }

  #error(texts: Texts, { error, limited }: Shown): { error: string } {
    if (error === '') return { error: '' }
    return { error: texts.text(error, { duration: texts.duration(wholeMinutes(limited?.waitMs ?? 0)) }) }
  }

  /** The form was shown to this browser: with its cookie, or lately to this address if there is none that can be read. */
  #isOurs(request: PortalRequest, proof: string): boolean {
    const { cookies } = this.#options
    const state = this.#state(request)
    const [ofCookie, ...ticket] = proof.split('.')
    if (state !== null) return cookies.provesForm(state, ofCookie)
    if (request.isOfOtherSite) return false
    return cookies.provesTicket(confirmTicket(request), ticket.join('.'), request.now)
  }

  #browser(request: PortalRequest): { sessionId: string; origin: Origin } {
    const state = this.#state(request)
    const origin = this.#options.originOf(request.remoteIp, state?.mac ?? '')
    return { sessionId: state?.sessionId ?? '', origin }
  }

  #state({ cookieHeader, now }: PortalRequest): PortalState | null {
    return this.#options.cookies.read(cookieHeader, now)
  }

  #orUnavailable(texts: Texts, page: () => Answer): Answer {
    try {
      return page()
    } catch (error) {
      return this.#unavailable(texts, error)
    }
  }

  #unavailable(texts: Texts, error: unknown): Answer {
    if (!(error instanceof GatepostError) || error.code !== 'LOG_UNAVAILABLE') throw error
    return this.#page(texts, 503, 'activate', { error: texts.text('error.unavailable') })
  }

  #page(texts: Texts, code: number, message: string, data: Record<string, unknown>, retryAfterMs?: number): Answer {
    const title = texts.text(`${message}.title`)
    const text = texts.text(`${message}.text`)
    return this.#options.pages.answer('message', texts, {
      route: 'gw_message',
      code,
      title,
      data: { text, ...data },
      retryAfterMs,
    })
  }
}

/** Without a cookie, the form is good for this address. */
function confirmTicket({ remoteIp }: PortalRequest): TicketOf {
  return { purpose: 'confirm', gwId: '', mac: '', remoteIp }
}
