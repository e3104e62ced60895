import { LOGGED_OUT } from '../access/subjects.ts'
import { GatepostError } from '../common/errors.ts'
import type { GatewayReports } from '../ingest/gateway-reports.ts'
import type { Answer, Reply } from '../ingest/http.ts'
import type { ConfirmPage } from './confirm-page.ts'
import type { PortalCookies, TicketOf } from './cookie.ts'
import type { KnownSessions } from './known.ts'
import { wholeMinutes } from './limits.ts'
import type { PageMaker } from './pages.ts'
import type { RememberedDevices } from './remembered.ts'
import { besides, parameter, redirectQuery, type PortalRequest } from './request.ts'
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
  readonly pages: PageMaker
  readonly cookies: PortalCookies
  readonly sessions: Sessions
  readonly known: KnownSessions
  /** What gateways report, and how often. */
  readonly reports: GatewayReports
  /** Null: devices are not remembered. */
  readonly remembered: RememberedDevices | null
  /** Null: there are no accounts. */
  readonly confirm: ConfirmPage | null
}

/** `gw_message.php?message=M[&token=T]`: a gateway's message for a client that is not online, or not yet; `?confirm=LINK`: a mailed link. */
export class MessagePage {
  readonly #options: MessageOptions

  constructor(options: MessageOptions) {
    this.#options = options
  }

  get(request: PortalRequest, texts: Texts): Answer {
    const { known, confirm } = this.#options
    const { query } = request
    if (confirm !== null && query.has('confirm')) return confirm.link(request, texts)
    const sent = parameter(query, 'message', 64)
    const message = Object.hasOwn(MESSAGES, sent) ? MESSAGES[sent] : 'other'
    if (message === 'activate' && confirm !== null) return confirm.code(request, texts)
    const denial = message === 'denied' ? (known.find(request)?.denial ?? '') : ''
    return this.#page(texts, 200, message, { reason: texts.reason(denial), again: this.#loginLink(request) })
  }

  /** The session is over: `portal/` shows this instead of the time that would be left. */
  ended(request: PortalRequest, texts: Texts, session: PortalSession, reason: string): Answer {
    if (reason === LOGGED_OUT) return this.#loggedOut(request, texts, session)
    const again = this.#loginLink(request)
    return this.#page(texts, 200, 'denied', { reason: texts.reason(reason), again })
  }

  /** Handles the forms that confirm an address, and for logging out. */
  async post(request: PortalRequest, texts: Texts, form: URLSearchParams): Promise<Reply> {
    if (form.has('logout')) return this.#logout(request, texts, form)
    const { confirm } = this.#options
    if (confirm !== null) return confirm.post(request, texts, form)
    return { answer: this.#page(texts, 403, 'other', { error: texts.text('error.expired') }), outcome: 'none' }
  }

  async #logout(request: PortalRequest, texts: Texts, form: URLSearchParams): Promise<Reply> {
    const { known, sessions, remembered } = this.#options
    const { now } = request
    const found = known.find(request)
    const again = this.#loginLink(request)
    const show = (answer: Answer): Reply => ({ answer, outcome: 'none' })
    if (found === null || !found.isProven || !this.#isOurs(request, found.session, parameter(form, 'form', 160)))
      return show(this.#page(texts, 403, 'other', { error: texts.text('error.expired'), again }))
    try {
      await sessions.end(found.session, now)
      await remembered?.forget(found.session.mac, now)
    } catch (error) {
      if (!(error instanceof GatepostError) || error.code !== 'LOG_UNAVAILABLE') throw error
      return show(this.#page(texts, 503, 'other', { error: texts.text('error.unavailable'), again }))
    }
    return show(this.#loggedOut(request, texts, found.session))
  }

  /** The session is over here, and the gateway is not told before it asks. */
  #loggedOut(request: PortalRequest, texts: Texts, session: PortalSession): Answer {
    const title = texts.text('logged_out.title')
    const text = this.#whenItIsOut(request, texts, session)
    return this.#options.pages.answer('message', texts, {
      route: 'gw_message',
      code: 200,
      title,
      data: { text, again: this.#loginLink(request) },
    })
  }

  #whenItIsOut({ query, now }: PortalRequest, texts: Texts, session: PortalSession): string {
    const { reports } = this.#options
    const gwId = session.gwId || parameter(query, 'gw_id', 128)
    if (!reports.sendsCounters(gwId, session.sessionId, now)) return texts.text('logged_out.unknown')
    const withinMs = reports.withinMs(gwId)
    if (withinMs === null) return texts.text('logged_out.soon')
    return texts.text('logged_out.within', { duration: texts.duration(wholeMinutes(withinMs)) })
  }

  /** The form was shown to this browser, for this session. */
  #isOurs(request: PortalRequest, session: PortalSession, proof: string): boolean {
    const { cookies } = this.#options
    const state = cookies.read(request.cookieHeader, request.now)
    const [ofCookie, ...ticket] = proof.split('.')
    if (state !== null && state.sessionId === session.sessionId) return cookies.provesForm(state, ofCookie)
    if (request.isOfOtherSite) return false
    return cookies.provesTicket(logoutTicket(request, session), ticket.join('.'), request.now)
  }

  #page(texts: Texts, code: number, message: string, data: Record<string, unknown>): Answer {
    const title = texts.text(`${message}.title`)
    const text = texts.text(`${message}.text`)
    const page = { route: 'gw_message', code, title, data: { ...data, text } } as const
    return this.#options.pages.answer('message', texts, page)
  }

  /** Link to the login page with the parameters of the gateway's redirect; empty: they are not known. */
  #loginLink({ path, cookieHeader, now }: PortalRequest): string {
    const state = this.#options.cookies.read(cookieHeader, now)
    return state === null ? '' : `${besides(path, 'login')}?${redirectQuery({ ...state, ip: '' })}`
  }
}

/** Logging out without a cookie: the form is good for this session, from the same address. */
export function logoutTicket({ remoteIp }: PortalRequest, { sessionId, gwId, mac }: PortalSession): TicketOf {
  return { purpose: `logout ${sessionId}`, gwId, mac, remoteIp }
}
