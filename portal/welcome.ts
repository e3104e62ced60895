import type { Answer } from '../ingest/http.ts'
import type { PortalCookies, PortalState } from './cookie.ts'
import { gatewayAddress, logoutUrl, type GatewayAddress } from './gateway-address.ts'
import type { KnownSession, KnownSessions } from './known.ts'
import { logoutTicket, type MessagePage } from './message.ts'
import { wayOn } from './onward.ts'
import type { PageMaker } from './pages.ts'
import type { RememberedDevices } from './remembered.ts'
import { besides, parameter, type PortalRequest } from './request.ts'
import type { PortalSession, Sessions } from './sessions.ts'
import type { Texts } from './texts.ts'

export interface WelcomeOptions {
  readonly pages: PageMaker
  readonly cookies: PortalCookies
  readonly sessions: Sessions
  readonly known: KnownSessions
  /** The address that an operator registered for a gw_id; null: none. */
  readonly registeredAddress: (gwId: string, now: number) => string | null
  /** The operator's page for guests of a gateway; null: none. */
  readonly landing: (gwId: string, now: number) => string | null
  /** Null: devices are not remembered. */
  readonly remembered: RememberedDevices | null
  /** Shown instead if the session is over. */
  readonly message: MessagePage
}

/** `portal/?gw_id=G[&token=T]`: the page shown to a client that is online. */
export class WelcomePage {
  readonly #options: WelcomeOptions

  constructor(options: WelcomeOptions) {
    this.#options = options
  }

  get(request: PortalRequest, texts: Texts): Answer {
    const { pages, cookies, known, landing, message, remembered } = this.#options
    const { query, now } = request
    const found = known.find(request)
    if (found !== null && found.denial !== null) return message.ended(request, texts, found.session, found.denial)
    const gwId = parameter(query, 'gw_id', 128)
    const session = found?.session ?? null
    const cookie = cookies.read(request.cookieHeader, now)
    // The cookie is used only if it belongs to this session.
    const state = cookie !== null && cookie.gwId === gwId && isOf(cookie, session) ? cookie : null
    const token = this.#token(request, session)
    // The gateway does not say that somebody wanted to log out: the device would go online by itself again.
    const address = token === '' || remembered?.isAutomatic === true ? null : this.#address(gwId, state, now)
    return pages.answer('portal', texts, {
      route: 'portal',
      code: 200,
      title: texts.text('portal.title'),
      data: {
        left: session === null ? '' : texts.duration(session.ends - now),
        // Devices are among them, so that templates of operators show them too.
        quotas: session === null ? [] : this.#limits(session, texts, now),
        onward: wayOn(landing(gwId, now), state?.url ?? ''),
        // The gateway ends the session at once; without a token it is told with its next report.
        logout: address === null ? '' : logoutUrl(address, gwId, token),
        end: address === null ? this.#end(request, found, state, { gw_id: gwId, token }) : null,
      },
    })
  }

  /** The token in the address, if it is the session's. */
  #token({ query, now }: PortalRequest, session: PortalSession | null): string {
    const token = parameter(query, 'token', 128)
    if (token === '' || session === null) return ''
    return this.#options.sessions.verify(token, session.mac, now)?.sessionId === session.sessionId ? token : ''
  }

  /** The form that ends the session here; null: it is not known that it is this browser's. */
  #end(
    request: PortalRequest,
    found: KnownSession | null,
    state: PortalState | null,
    about: { readonly gw_id: string; readonly token: string },
  ): object | null {
    if (found === null || !found.isProven) return null
    const { cookies } = this.#options
    const proof = state === null ? '' : cookies.formProof(state)
    const ticket = cookies.ticket(logoutTicket(request, found.session), request.now)
    const query = new URLSearchParams(about.token === '' ? { gw_id: about.gw_id } : { ...about }).toString()
    return { action: `${besides(request.path, 'gw_message')}?${query}`, form: `${proof}.${ticket}` }
  }

  #limits(session: PortalSession, texts: Texts, now: number): string[] {
    const { sessions } = this.#options
    const devices = sessions.devices(session, now)
    const { online = 0, max = 0 } = devices ?? {}
    const shown = devices === null ? [] : [texts.text('portal.devices', { count: online, max })]
    const quotas = sessions.quotas(session, now).flatMap(({ used, limit, unit }) => {
      const left = Math.max(0, limit - used)
      if (unit === 'bytes') return [texts.text('portal.left.bytes', { amount: texts.amount(left) })]
      if (unit === 'seconds') return [texts.text('portal.left.seconds', { duration: texts.duration(left * 1000) })]
      return []
    })
    return [...quotas, ...shown]
  }

  #address(gwId: string, state: PortalState | null, now: number): GatewayAddress | null {
    const registered = this.#options.registeredAddress(gwId, now)
    return gatewayAddress(state?.gwAddress ?? '', state?.gwPort ?? '', registered)
  }
}

/** Without a session, the one in the cookie is assumed. */
function isOf(cookie: PortalState, session: PortalSession | null): boolean {
  return cookie.sessionId !== '' && (session === null || session.sessionId === cookie.sessionId)
}
