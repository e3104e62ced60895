import type { PlainMetrics } from '../common/metrics.ts'
import type { BodyHandler, Exchange } from './http.ts'
import type { Route } from './routes/router.ts'

/** Routes to which gateways send the browsers of guests. */
export type PortalRoute = Extract<Route, 'login' | 'portal' | 'gw_message'>

export function isPortalRoute(route: Route): route is PortalRoute {
  return route === 'login' || route === 'portal' || route === 'gw_message'
}

/** What the routes need of the captive portal. portal/ implements it, which is built on this room. */
export interface GuestPortal {
  /** Null: sessions do not roam. */
  readonly roaming: RoamingSessions | null
  get(route: PortalRoute, path: string, exchange: Exchange, head: boolean): void
  /** The captive portal API (RFC 8908). */
  captiveApi(path: string, exchange: Exchange): void
  /** The handler of a form that is sent to this path. */
  form(route: PortalRoute, path: string, exchange: Exchange): BodyHandler
  addMetrics(metrics: PlainMetrics): void
  close(): void
}

/** A gateway's question about a client without a token. */
export interface AskedToRoam {
  readonly gwId: string
  readonly ip: string
  readonly mac: string
  /** Address the question came from. */
  readonly remoteIp: string
}

/** A device's session at the gateway that it came to. */
export interface Admitted {
  readonly token: string
  readonly sessionId: string
  /** ms since the epoch. */
  readonly ends: number
  /** In its normal form. */
  readonly mac: string
}

/** Sessions that follow their device to other gateways of the installation. */
export interface RoamingSessions {
  /**
   * Issues a token for the device at another gateway, for the rest of its session. Null: there is no running session, or the token's record
   * is not known to be durable. PRECONDITION: the gateway's identity is proven.
   */
  admit(asked: AskedToRoam, now: number): Promise<Admitted | null>
}
