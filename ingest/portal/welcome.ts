import type { Answer } from '../http.ts'
import type { PortalCookies, PortalState } from './cookie.ts'
import { gatewayAddress, logoutUrl, type GatewayAddress } from './gateway-address.ts'
import type { Pages } from './pages.ts'
import { deviceOf, onwardLink, parameter, type PortalRequest } from './request.ts'
import type { PortalSession, Sessions } from './sessions.ts'
import type { Texts } from './texts.ts'

export interface WelcomeOptions {
  readonly pages: Pages
  readonly cookies: PortalCookies
  readonly sessions: Sessions
  /** The address that an operator registered for a gw_id; null: none. */
  readonly registeredAddress: (gwId: string, now: number) => string | null
}

/** `portal/?gw_id=G[&token=T]`: the page shown to a client that is online. */
export class WelcomePage {
  readonly #options: WelcomeOptions

  constructor(options: WelcomeOptions) {
    this.#options = options
  }

  get(request: PortalRequest, texts: Texts): Answer {
    const { pages, cookies, sessions } = this.#options
    const { query, now } = request
    const token = parameter(query, 'token', 128)
    const cookie = cookies.read(request.cookieHeader, now)
    const session = token === '' ? null : sessions.verify(token, deviceOf(query, cookie), now)
    // The cookie is used only if it belongs to this session.
    const gwId = parameter(query, 'gw_id', 128)
    const state = cookie !== null && cookie.gwId === gwId && isOf(cookie, session) ? cookie : null
    const address = session === null ? null : this.#address(gwId, state, now)
    return pages.answer('portal', texts, {
      route: 'portal',
      code: 200,
      title: texts.text('portal.title'),
      data: {
        left: session === null || session.ends <= now ? '' : texts.duration(session.ends - now),
        quotas: session === null ? [] : this.#quotas({ ...session, account: state?.account ?? '' }, texts, now),
        onward: state === null ? null : onwardLink(state.url),
        logout: address === null ? '' : logoutUrl(address, gwId, token),
      },
    })
  }

  #quotas(session: PortalSession, texts: Texts, now: number): string[] {
    return this.#options.sessions.quotas(session, now).flatMap(({ used, limit, unit }) => {
      const left = Math.max(0, limit - used)
      if (unit === 'bytes') return [texts.text('portal.left.bytes', { amount: texts.amount(left) })]
      if (unit === 'seconds') return [texts.text('portal.left.seconds', { duration: texts.duration(left * 1000) })]
      return []
    })
  }

  #address(gwId: string, state: PortalState | null, now: number): GatewayAddress | null {
    const registered = this.#options.registeredAddress(gwId, now)
    return gatewayAddress(state?.gwAddress ?? '', state?.gwPort ?? '', registered)
  }
}

/** Some gateways send no token here: then the session in the cookie is assumed. */
function isOf(cookie: PortalState, session: PortalSession | null): boolean {
  return cookie.sessionId !== '' && (session === null || session.sessionId === cookie.sessionId)
}
