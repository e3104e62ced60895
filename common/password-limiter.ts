import { AccountGuard } from './account-guard.ts'
import { FailureLimiter } from './failure-limiter.ts'
import { addressGroup } from './ip-address.ts'

const MINUTE_MS = 60_000
/** Wrong passwords of an address in a minute; of all addresses for one user; and what each address has after those. */
const OF_ADDRESS = 10
const OF_USER = 30
const THEN = 2

/** Limits wrong passwords by address (of IPv6, by its /64) and by user. See AccountGuard: nobody is locked out from elsewhere. */
export class PasswordLimiter {
  readonly #addresses = new FailureLimiter(OF_ADDRESS, MINUTE_MS)
  readonly #users = new AccountGuard({ perAddress: OF_ADDRESS, total: OF_USER, then: THEN, windowMs: MINUTE_MS })

  /** How long this address has to wait until it may send another password of this user, ms; 0: it may. */
  waitMs(address: string, user: string, now: number): number {
    const group = addressGroup(address)
    const ofAddress = this.#addresses.allows(group, now) ? 0 : this.#addresses.endsIn(group, now)
    return Math.max(ofAddress, this.#users.waitMs(user, group, now))
  }

  failed(address: string, user: string, now: number): void {
    const group = addressGroup(address)
    this.#addresses.failed(group, now)
    this.#users.tried(user, group, now)
  }
}
