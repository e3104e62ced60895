import { FailureLimiter } from './failure-limiter.ts'

export interface AccountGuardLimits {
  /** Wrong passwords of one address for one account. */
  readonly perAddress: number
  /** Wrong passwords of all addresses for one account; after them, an address has only `then`. */
  readonly total: number
  readonly then: number
  readonly windowMs: number
}

/**
 * Limits how often the password of one account is guessed. However many wrong ones come from some addresses, an address that has not tried yet
 * has a few tries, so nobody can lock the owner out from elsewhere.
 */
export class AccountGuard {
  readonly #then: number
  readonly #addresses: FailureLimiter
  readonly #totals: FailureLimiter

  constructor({ perAddress, total, then, windowMs }: AccountGuardLimits) {
    this.#then = then
    this.#addresses = new FailureLimiter(perAddress, windowMs)
    this.#totals = new FailureLimiter(total, windowMs)
  }

  /** How long this address (see addressGroup()) has to wait, in ms; 0: it may try. */
  waitMs(account: string, address: string, now: number): number {
    const key = keyOf(account, address)
    const limit = this.#totals.allows(account, now) ? this.#addresses.limit : this.#then
    if (this.#addresses.count(key, now) < limit) return 0
    return this.#addresses.endsIn(key, now)
  }

  /** Counts a try before its password is checked, so that many at the same time do not pass. */
  tried(account: string, address: string, now: number): void {
    this.#addresses.failed(keyOf(account, address), now)
    this.#totals.failed(account, now)
  }

  /** The password of a try was right. */
  succeeded(account: string, address: string, now: number): void {
    this.#addresses.forgive(keyOf(account, address), now)
    this.#totals.forgive(account, now)
  }
}

function keyOf(account: string, address: string): string {
  return `${address} ${account}`
}
