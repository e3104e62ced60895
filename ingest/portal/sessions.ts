import type { QuotaUse } from '../../access/quota.ts'
import type { LoginMethodName } from './method.ts'
import type { Redirect } from './request.ts'

/** Somebody who may go online. */
export interface Grant {
  readonly method: LoginMethodName
  /** Who it is; empty: nobody in particular. */
  readonly account: string
  /** When access ends, ms since the epoch; null: with the longest session. */
  readonly until: number | null
  /** When the e-mail address must have been confirmed, ms since the epoch; null: it need not be. */
  readonly validateBy: number | null
  readonly redirect: Redirect
  readonly now: number
}

/** What a token says. */
export interface PortalSession {
  readonly sessionId: string
  /** ms since the epoch. */
  readonly ends: number
  /** In its normal form; empty: the token is bound to none. */
  readonly mac: string
  /** Empty: not known; a token holds only tags of the gateway and the account. */
  readonly gwId: string
  readonly account: string
}

export interface IssuedToken {
  readonly token: string
  readonly session: PortalSession
}

/** The tokens of the portal: issuing them, and what can be said about one. */
export interface Sessions {
  /** Issues a token and records it. Null: its record is not known to be durable, so the token must not be used. */
  issue(grant: Grant): Promise<IssuedToken | null>
  /** Null: it was not issued here, or has been tampered with. */
  verify(token: string, now: number): PortalSession | null
  /** The e-mail address of the session's account has been confirmed: its validation deadline does not count any more. */
  validated(sessionId: string, now: number): Promise<void>
  /** Why a session is denied, in words that may be none; null: it is not. */
  denial(session: PortalSession, now: number): string | null
  /** What has been used of the session's and its account's quotas, as far as that is known: to a tenth of each. */
  quotas(session: PortalSession, now: number): QuotaUse[]
}
