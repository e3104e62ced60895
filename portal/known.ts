import type { OnlineClients } from '../access/online.ts'
import type { CaptiveApi } from './capport.ts'
import type { PortalCookies } from './cookie.ts'
import { deviceOf, parameter, type PortalRequest } from './request.ts'
import type { PortalSession, Sessions } from './sessions.ts'

/*
 * Whose session a page is about. Released gateways send a browser to portal/ and gw_message without a token, so the session is taken from whatever
 * else tells it, from the strongest to the weakest.
 */

/** The session of the browser that shows a page. */
export interface KnownSession {
  readonly session: PortalSession
  /** Only this browser or this device can have shown what tells it; a MAC in a link can be a neighbour's. */
  readonly isProven: boolean
  /** Why it was denied; null: it was not. */
  readonly denial: string | null
}

export interface KnownSessionsOptions {
  readonly cookies: PortalCookies
  readonly sessions: Sessions
  readonly online: OnlineClients
  readonly captiveApi: CaptiveApi
  /** Whether the gateway is registered with sources, and the address is one of them. */
  readonly isSourceOf: (gwId: string, address: string) => boolean
}

export class KnownSessions {
  readonly #options: KnownSessionsOptions

  constructor(options: KnownSessionsOptions) {
    this.#options = options
  }

  /** A session that is in force, else one that was denied; null: none is known. */
  find(request: PortalRequest): KnownSession | null {
    const { sessions } = this.#options
    let denied: KnownSession | null = null
    for (const [session, isProven] of this.#candidates(request)) {
      if (session.ends <= request.now) continue
      const denial = sessions.denial(session, request.now)
      if (denial === null) return { session, isProven, denial }
      denied ??= { session, isProven, denial }
    }
    return denied
  }

  *#candidates(request: PortalRequest): Generator<readonly [PortalSession, boolean]> {
    const { cookies, sessions, online, captiveApi, isSourceOf } = this.#options
    const { query, remoteIp, now } = request
    const gwId = parameter(query, 'gw_id', 128)
    const cookie = cookies.read(request.cookieHeader, now)
    const token = parameter(query, 'token', 128)
    const ofToken = token === '' ? null : sessions.verify(token, deviceOf(query, cookie), now)
    // A token holds only tags of the gateway and the account.
    if (ofToken !== null)
      yield cookie?.sessionId === ofToken.sessionId
        ? [{ ...ofToken, gwId: cookie.gwId, account: cookie.account }, true]
        : [ofToken, true]
    if (cookie !== null && cookie.sessionId !== '' && (gwId === '' || cookie.gwId === gwId)) yield [cookie, true]
    if (gwId === '') return
    // Of a routed gateway, the address is the device's own.
    const ofAddress = captiveApi.sessionAt(gwId, remoteIp, now)
    if (ofAddress !== null) yield [ofAddress, true]
    const mac = deviceOf(query, null)
    if (mac === '' || !isSourceOf(gwId, remoteIp)) return
    const ofDevice = online.latest(gwId, mac, now)
    if (ofDevice !== null) yield [ofDevice, false]
  }
}
