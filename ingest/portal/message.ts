import type { Answer } from '../http.ts'
import type { PortalCookies } from './cookie.ts'
import type { Pages } from './pages.ts'
import { besides, parameter, redirectQuery, type PortalRequest } from './request.ts'
import type { Sessions } from './sessions.ts'
import type { Texts } from './texts.ts'

/** What gateways say; each has a title and a text of that name. */
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
}

/** `gw_message.php?message=M[&token=T]`: what the gateway has to say to somebody who is not, or not yet, online. */
export class MessagePage {
  readonly #options: MessageOptions

  constructor(options: MessageOptions) {
    this.#options = options
  }

  get(request: PortalRequest, texts: Texts): Answer {
    const { pages, sessions } = this.#options
    const { query, now } = request
    const sent = parameter(query, 'message', 64)
    const message = Object.hasOwn(MESSAGES, sent) ? MESSAGES[sent] : 'other'
    const token = parameter(query, 'token', 128)
    const session = token === '' ? null : sessions.verify(token, now)
    return pages.answer('message', texts, {
      route: 'gw_message',
      code: 200,
      title: texts.text(`${message}.title`),
      data: {
        text: texts.text(`${message}.text`),
        reason: message === 'denied' && session !== null ? sessions.denialReason(session, now) : '',
        again: message === 'activate' ? '' : this.#loginLink(request),
      },
    })
  }

  /** Back to the login page, as the gateway had sent the browser there; empty: it is not known how. */
  #loginLink({ path, cookieHeader, now }: PortalRequest): string {
    const state = this.#options.cookies.read(cookieHeader, now)
    return state === null ? '' : `${besides(path, 'login')}?${redirectQuery({ ...state, ip: '' })}`
  }
}
