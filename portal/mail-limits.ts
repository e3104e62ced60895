import { FailureLimiter } from '../common/failure-limiter.ts'
import type { Limited, Origin } from './limits.ts'

const HOUR_MS = 3_600_000
/** Mails to one recipient in an hour: of one address, and of all. */
const OF_ADDRESS = 3
const TO_RECIPIENT = 6
/** Mails of this time may be sent at once. */
const BURST_MS = 10 * 60_000
/** This part of them is for registered gateways, if there are any. */
const RESERVED = 1 / 4

/** How many mails may be sent: to one recipient, and in all. */
export class MailLimits {
  readonly #perMs: number
  readonly #most: number
  readonly #anySources: () => boolean
  readonly #pairs = new FailureLimiter(OF_ADDRESS, HOUR_MS)
  readonly #recipients = new FailureLimiter(TO_RECIPIENT, HOUR_MS)
  #left: number
  #at = 0

  /** @param anySources whether gateways are registered with their addresses */
  constructor(perHour: number, anySources: () => boolean) {
    this.#perMs = perHour / HOUR_MS
    this.#most = Math.max(1, perHour * (BURST_MS / HOUR_MS))
    this.#left = this.#most
    this.#anySources = anySources
  }

  /** Takes one mail; null: it may be sent. */
  take(recipient: string, { address, gateway }: Origin, now: number): Limited | null {
    const pair = `${address} ${recipient}`
    if (!this.#pairs.allows(pair, now)) return { limit: 'account', waitMs: this.#pairs.endsIn(pair, now) }
    if (!this.#recipients.allows(recipient, now))
      return { limit: 'account', waitMs: this.#recipients.endsIn(recipient, now) }
    this.#left = Math.min(this.#most, this.#left + Math.max(0, now - this.#at) * this.#perMs)
    this.#at = now
    const reserved = gateway === null && this.#anySources() ? this.#most * RESERVED : 0
    const missing = reserved + 1 - this.#left
    // One mail may always be sent at a time, however low the rate is.
    if (missing > 0 && this.#left < this.#most) {
      const enough = Math.min(missing, this.#most - this.#left)
      return { limit: 'mail', waitMs: Math.ceil(enough / this.#perMs) }
    }
    this.#left--
    this.#pairs.failed(pair, now)
    this.#recipients.failed(recipient, now)
    return null
  }
}
