import type { Limited, Origin } from './limits.ts'
import type { Redirect } from './request.ts'

export type { LoginMethodName } from '../access/login-methods.ts'

/** A client that wants to go online. */
export interface Attempt {
  readonly form: URLSearchParams
  readonly redirect: Redirect
  /** The client's address as seen here; often the gateway's. */
  readonly remoteIp: string
  readonly origin: Origin
  /** The language of mail. */
  readonly language: string
  readonly now: number
}

/** The session of a login that was granted. */
export interface BegunSession {
  readonly sessionId: string
  /** ms since the epoch. */
  readonly ends: number
}

export type LoginResult =
  | {
      readonly granted: true
      /** The account; empty: none. */
      readonly account: string
      /** When access ends, ms since the epoch; null: after the maximum session time. */
      readonly until: number | null
      /** `until` may be later than the maximum session time. */
      readonly isOwnLength?: boolean
      /** Deadline for confirming the e-mail address, ms since the epoch; null: no confirmation needed. */
      readonly validateBy: number | null
      /** Called when the session is known, before the browser is redirected. False: not possible at the moment. */
      readonly issued?: (session: BegunSession) => Promise<boolean>
    }
  | {
      readonly granted: false
      readonly error: string
      /** 200: nothing is wrong, but something is still needed. */
      readonly code: 200 | 403 | 429 | 503
      /** What the attempt exceeded; null: it was refused for another reason. */
      readonly limited: Limited | null
      /** The number that a one-time code was sent to, if the page has to ask for the code. */
      readonly asksCodeFor?: string
    }

/** A login method. */
export interface LoginMethod {
  /** Never rejects because of user input; a rejection is an internal error. */
  login(attempt: Attempt): Promise<LoginResult>
}

type Refusal = LoginResult & { readonly granted: false }

export function refused(error: string, code: 403 | 503 = 403): Refusal {
  return { granted: false, error, code, limited: null }
}

/** Too many attempts. */
export function limitedBy(limited: Limited): Refusal {
  return { granted: false, error: limitText(limited), code: limited.limit === 'busy' ? 503 : 429, limited }
}

/** The text for a client that may have done nothing wrong itself. */
export function limitText({ limit }: Limited): string {
  if (limit === 'busy') return 'error.unavailable'
  if (limit === 'mail') return 'error.rate.mail'
  return limit === 'address' || limit === 'gateway' || limit === 'total' ? 'error.rate.network' : 'error.rate'
}
