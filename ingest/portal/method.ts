import type { Redirect } from './request.ts'

export type LoginMethodName = 'click' | 'voucher' | 'account' | 'webhook'

/** Somebody who wants to go online. */
export interface Attempt {
  readonly form: URLSearchParams
  readonly redirect: Redirect
  /** The client's address as seen from here: often that of its gateway. */
  readonly remoteIp: string
  /** A language tag, for mail. */
  readonly language: string
  readonly now: number
}

export type LoginResult =
  | {
      readonly granted: true
      /** Who it is; empty: nobody in particular. */
      readonly account: string
      /** When access ends, ms since the epoch; null: with the longest session. */
      readonly until: number | null
      /** When the e-mail address must have been confirmed, ms since the epoch; null: it need not be. */
      readonly validateBy: number | null
      /** What is left to do once the session is known, before the browser is sent on. False: not possible at the moment. */
      readonly issued?: (sessionId: string) => Promise<boolean>
    }
  | { readonly granted: false; readonly error: string; readonly code: 403 | 429 | 503 }

/** One way of logging in. */
export interface LoginMethod {
  /** Never rejects for what a user did; what it rejects with is a fault of ours. */
  login(attempt: Attempt): Promise<LoginResult>
}

export function refused(error: string, code: 403 | 429 | 503 = 403): LoginResult {
  return { granted: false, error, code }
}
