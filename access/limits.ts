import { wildcard } from '../common/wildcard.ts'
import type { LoginMethodName } from './login-methods.ts'

/*
 * Limits of those who log in at the portal (GATEPOST_POLICIES, `limits`): session length, devices at a time, and quota. For each of the three, the first
 * entry counts that concerns the login and sets it. The portal and the job that evaluates quotas use the same list.
 */

/** Whom an entry concerns. */
export type Concerned =
  | { readonly kind: 'method'; readonly method: LoginMethodName }
  /** `*` stands for any text. */
  | { readonly kind: 'account'; readonly pattern: string }
  /** Vouchers whose label matches. */
  | { readonly kind: 'vouchers'; readonly pattern: string }

export interface Limit {
  /** Part of the reason of its denials: quota:<name>. */
  readonly name: string
  readonly of: Concerned
  /** Longest session, ms; null: not set here. */
  readonly sessionMs: number | null
  /** Devices that an account may have online at a time; null: not set here. */
  readonly devices: number | null
  /** Who may stay if there are more. */
  readonly wins: 'first' | 'newest'
  /** Bytes; null: not set here. */
  readonly quotaBytes: number | null
  /** What the quota is for: a session; or the UTC day of an account, or of a device without one. */
  readonly per: 'session' | 'day'
}

/** Who logs in. */
export interface LoggedIn {
  readonly method: string
  /** Empty: none. */
  readonly account: string
  /** Of the voucher; null: none was used. */
  readonly label: string | null
}

export class Limits {
  readonly #limits: readonly { readonly limit: Limit; readonly matches: (who: LoggedIn) => boolean }[]

  constructor(limits: readonly Limit[]) {
    this.#limits = limits.map((limit) => ({ limit, matches: matcherOf(limit.of) }))
  }

  sessionMs(who: LoggedIn): number | null {
    return this.#first(who, ({ sessionMs }) => sessionMs !== null)?.sessionMs ?? null
  }

  devices(who: LoggedIn): { readonly maxDevices: number; readonly wins: 'first' | 'newest' } | null {
    const limit = this.#first(who, ({ devices }) => devices !== null)
    return limit === null || limit.devices === null ? null : { maxDevices: limit.devices, wins: limit.wins }
  }

  /** The entry whose quota counts. */
  quota(who: LoggedIn): Quota | null {
    const limit = this.#first(who, ({ quotaBytes }) => quotaBytes !== null)
    if (limit === null || limit.quotaBytes === null) return null
    return { name: limit.name, bytes: limit.quotaBytes, per: limit.per }
  }

  #first(who: LoggedIn, sets: (limit: Limit) => boolean): Limit | null {
    return this.#limits.find(({ limit, matches }) => sets(limit) && matches(who))?.limit ?? null
  }
}

export interface Quota {
  readonly name: string
  readonly bytes: number
  readonly per: 'session' | 'day'
}

/** Case does not matter: accounts are addresses, and labels are typed by people. */
function matcherOf(of: Concerned): (who: LoggedIn) => boolean {
  if (of.kind === 'method') return ({ method }) => method === of.method
  const matches = wildcard(of.pattern)
  if (of.kind === 'vouchers') return ({ label }) => label !== null && matches(label)
  return ({ account, label }) => label === null && account !== '' && matches(account)
}
