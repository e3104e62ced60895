import type { DevicesOnline } from '../access/places.ts'
import type { QuotaUse } from '../access/quota.ts'
import type { LoginMethodName } from './method.ts'
import type { Redirect } from './request.ts'

/** Permission for a client to go online. */
export interface Grant {
  readonly method: LoginMethodName
  /** The account; empty: none. */
  readonly account: string
  /** When access ends, ms since the epoch; null: after the maximum session time. */
  readonly until: number | null
  /** `until` may be later than the maximum session time. */
  readonly isOwnLength?: boolean
  /** Deadline for confirming the e-mail address, ms since the epoch; null: no confirmation needed. */
  readonly validateBy: number | null
  readonly redirect: Redirect
  /** Address the request came from. */
  readonly remoteIp: string
  readonly now: number
}

/** The content of a token. */
export interface PortalSession {
  readonly sessionId: string
  /** ms since the epoch. */
  readonly ends: number
  /** In its normal form; empty: the token is bound to no device. */
  readonly mac: string
  /** Empty: unknown, since a token holds only tags of the gateway and the account. */
  readonly gwId: string
  readonly account: string
}

export interface IssuedToken {
  readonly token: string
  readonly session: PortalSession
}

/** Issues the portal's tokens and looks up their sessions. */
export interface Sessions {
  /**
   * Issues a token and records it. Null: the record is not known to be durable, so the token must not be used.
   * @throws GatepostError LOG_UNAVAILABLE: the session's account cannot be recorded
   */
  issue(grant: Grant): Promise<IssuedToken | null>
  /**
   * Null: the token was not issued here or for another device, or is forged.
   * @param mac the device in its normal form; empty: not known
   */
  verify(token: string, mac: string, now: number): PortalSession | null
  /** Records that the account's e-mail address is confirmed, which removes the session's validation deadline. */
  validated(sessionId: string, now: number): Promise<void>
  /** Ends the session: its gateway is told with its next report. @throws GatepostError LOG_UNAVAILABLE */
  end(session: PortalSession, now: number): Promise<void>
  /** The reason why the session is denied, which may be empty; null: it is not denied. */
  denial(session: PortalSession, now: number): string | null
  /** Known usage of the quotas of the session and its account, to a tenth of each quota. */
  quotas(session: PortalSession, now: number): QuotaUse[]
  /** How many devices the session's account has online, and may have; null: there is no limit. */
  devices(session: PortalSession, now: number): DevicesOnline | null
}
