import type { SourceGateway } from '../access/gateway-sources.ts'
import { FailureLimiter } from '../common/failure-limiter.ts'
import { addressGroup } from '../common/ip-address.ts'

/*
 * What is limited is counted by what its sender cannot choose: the address, the registered gateway that the address belongs to, and in all. The
 * MAC only keeps the clients of one gateway apart, which often share its address.
 */

const MINUTES = 60_000
const WINDOW_MS = 10 * MINUTES

/** Where an attempt comes from. */
export interface Origin {
  readonly gateway: SourceGateway | null
  /** What counts as one address. */
  readonly address: string
  /** Address and MAC, which anybody can invent. */
  readonly client: string
  /** Whose turn it is when several wait: the gateway, if its clients are behind its address, else the address. */
  readonly key: string
}

export function originOf(remoteIp: string, mac: string, gateway: SourceGateway | null): Origin {
  const address = addressGroup(remoteIp)
  return {
    gateway,
    address,
    client: `${address} ${mac}`,
    key: gateway?.isGateway === true ? `gateway ${gateway.name}` : address,
  }
}

/** What an attempt exceeded; `mail`: how many mails may be sent; `busy`: how many may wait. */
export const LIMITS = ['client', 'address', 'gateway', 'total', 'account', 'session', 'mail', 'busy'] as const
export type Limit = (typeof LIMITS)[number]

/** An attempt that is refused, and how long it has to wait. */
export interface Limited {
  readonly limit: Limit
  readonly waitMs: number
}

/** A time to wait, as pages say it. */
export function wholeMinutes(ms: number): number {
  return Math.ceil(ms / MINUTES) * MINUTES
}

/** Most attempts in ten minutes, for each worker. */
export interface AttemptNumbers {
  readonly client: number
  readonly address: number
  readonly gateway: number
  /** Of all addresses that belong to no registered gateway; after them, such an address has only `then`. */
  readonly total: number
  readonly then: number
}

export const CLICKS: AttemptNumbers = { client: 60, address: 3000, gateway: 6000, total: 60_000, then: 60 }
/** A sign-up sends mail, which has a rate of its own, and computes a hash. */
export const SIGNUPS: AttemptNumbers = { client: 5, address: 30, gateway: 150, total: Infinity, then: 0 }
export const WRONG_VOUCHERS: AttemptNumbers = { client: 10, address: 100, gateway: 300, total: 3000, then: 2 }
export const WRONG_PASSWORDS: AttemptNumbers = { client: 10, address: 60, gateway: 300, total: 1000, then: 2 }
export const WRONG_CODES: AttemptNumbers = { client: 20, address: 60, gateway: 300, total: 1000, then: 2 }
/** Wrong passwords for one account. */
export const OF_ACCOUNT = { perAddress: 10, total: 30, then: 2, windowMs: WINDOW_MS } as const

/** Counts attempts of one kind. Each of its tables is bounded: see FailureLimiter. */
export class AttemptLimits {
  readonly #then: number
  readonly #clients: FailureLimiter
  readonly #addresses: FailureLimiter
  readonly #gateways: FailureLimiter
  readonly #total: FailureLimiter

  constructor({ client, address, gateway, total, then }: AttemptNumbers) {
    this.#then = then
    this.#clients = new FailureLimiter(client, WINDOW_MS)
    this.#addresses = new FailureLimiter(address, WINDOW_MS)
    this.#gateways = new FailureLimiter(gateway, WINDOW_MS)
    this.#total = new FailureLimiter(total, WINDOW_MS)
  }

  /** Null: another attempt is allowed. */
  refusal({ gateway, address, client }: Origin, now: number): Limited | null {
    const over = (limit: Limit, limiter: FailureLimiter, key: string): Limited | null =>
      limiter.allows(key, now) ? null : { limit, waitMs: limiter.endsIn(key, now) }
    const ofClient = over('client', this.#clients, client)
    if (ofClient !== null) return ofClient
    if (gateway !== null) {
      const ofGateway = over('gateway', this.#gateways, gateway.name)
      if (ofGateway !== null || gateway.isGateway) return ofGateway
    }
    const ofAddress = over('address', this.#addresses, address)
    if (ofAddress !== null || gateway !== null) return ofAddress
    return this.#addresses.count(address, now) < this.#then ? null : over('total', this.#total, '')
  }

  /** Counts an attempt when it begins, so that many at the same time do not pass. */
  tried({ gateway, address, client }: Origin, now: number): void {
    this.#clients.failed(client, now)
    this.#addresses.failed(address, now)
    if (gateway === null) this.#total.failed('', now)
    else this.#gateways.failed(gateway.name, now)
  }

  /** An attempt of which only failures count was none. */
  succeeded({ gateway, address, client }: Origin, now: number): void {
    this.#clients.forgive(client, now)
    this.#addresses.forgive(address, now)
    if (gateway === null) this.#total.forgive('', now)
    else this.#gateways.forgive(gateway.name, now)
  }
}

/** The limits that refused something, since the start. */
export class LimitCounts {
  /** By what was limited and the limit, such as "signup address". */
  readonly counts: Map<string, number>

  /** @param limited what may be limited: login methods, signup, code */
  constructor(limited: readonly string[]) {
    this.counts = new Map(limited.flatMap((what) => LIMITS.map((limit) => [`${what} ${limit}`, 0])))
  }

  count(what: string, { limit }: Limited): void {
    const key = `${what} ${limit}`
    this.counts.set(key, (this.counts.get(key) as number) + 1)
  }
}
