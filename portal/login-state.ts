import type { PortalState, TicketOf } from './cookie.ts'
import { onwardLink, type PortalRequest, type Redirect } from './request.ts'
import type { PortalSession } from './sessions.ts'

/** What a form of the login page is bound to. */
export function loginTicket({ remoteIp }: PortalRequest, { gwId, mac }: Redirect): TicketOf {
  return { purpose: 'login', gwId, mac, remoteIp }
}

/** What the cookie keeps about a redirect and its session. */
export function stateOf(redirect: Redirect, nonce: string, session: PortalSession | null): PortalState {
  const { gwId, gwAddress, gwPort, mac } = redirect
  const url = onwardLink(redirect.url) === null ? '' : redirect.url
  const { sessionId, account, ends } = session ?? { sessionId: '', account: '', ends: 0 }
  return { nonce, sessionId, gwId, gwAddress, gwPort, mac, url, account, ends }
}
