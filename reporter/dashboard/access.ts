import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { PasswordLimiter } from '../../common/password-limiter.ts'

/** `local`: no login is needed, and everybody who can reach the address may do everything. */
export type Who = 'operator' | 'viewer' | 'local'

/** Maximum number of logins; the oldest is evicted first. */
const MAX_LOGINS = 1000
const LOGIN_MS = 12 * 3_600_000

/** Who may use the dashboard. */
export class Access {
  readonly #passwords: readonly { readonly who: Who; readonly digest: Buffer }[]
  /** Keyed by a digest of the cookie's value, so that memory contains nothing that could be used to log in. */
  readonly #logins = new Map<string, { readonly who: Who; readonly ends: number }>()
  readonly #failures = new PasswordLimiter()
  /** Since the start: wrong passwords; passwords that were not compared after many wrong ones; requests of addresses that sent too many. */
  readonly refused = { password: 0, guesses: 0, requests: 0 }

  constructor(password: string | undefined, viewerPassword: string | undefined) {
    this.#passwords = [
      ...(password === undefined ? [] : [{ who: 'operator' as const, digest: digestOf(password) }]),
      ...(viewerPassword === undefined ? [] : [{ who: 'viewer' as const, digest: digestOf(viewerPassword) }]),
    ]
  }

  get open(): boolean {
    return this.#passwords.length === 0
  }

  /** How long this address has to wait until it may try another password, ms; 0: it may. There are no users, but two passwords. */
  waitMs(address: string, now: number): number {
    const waitMs = this.#failures.waitMs(address, '', now)
    if (waitMs > 0) this.refused.guesses++
    return waitMs
  }

  /** Whose password it is; undefined: nobody's, which counts as a failure of the address. */
  whoKnows(password: string, address: string, now: number): Who | undefined {
    const digest = digestOf(password)
    // All passwords are compared, so that the time reveals nothing.
    const matching = this.#passwords.filter((known) => timingSafeEqual(known.digest, digest))
    if (matching.length === 0) {
      this.refused.password++
      this.#failures.failed(address, '', now)
    }
    return matching.at(0)?.who
  }

  /** @returns the value of the cookie */
  logIn(who: Who, now: number): string {
    for (const key of this.#logins.keys()) {
      if (this.#logins.size < MAX_LOGINS) break
      this.#logins.delete(key)
    }
    const value = randomBytes(32).toString('base64url')
    this.#logins.set(digestOf(value).toString('base64'), { who, ends: now + LOGIN_MS })
    return value
  }

  logOut(value: string): void {
    this.#logins.delete(digestOf(value).toString('base64'))
  }

  /** Who logged in with this cookie. */
  whoHas(value: string, now: number): Who | undefined {
    const login = this.#logins.get(digestOf(value).toString('base64'))
    return login === undefined || login.ends <= now ? undefined : login.who
  }
}

/** Lifetime of the cookie in seconds. */
export const LOGIN_SECONDS = LOGIN_MS / 1000

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
