import { addressGroup } from './ip-address.ts'

export interface ConnectionLimits {
  /** Connections of a listener. */
  readonly total: number
  /** Connections of one IPv4 address or one /64 of IPv6. */
  readonly perAddress: number
}

/** Why connections were refused, since the start. */
export type ConnectionRefusals = Readonly<Record<'total' | 'address', number>>

/**
 * Counts the connections of a listener and says which may stay. Addresses that `exempt` names share no limit of their own: a trusted proxy
 * carries the connections of everybody.
 */
export class ConnectionGate {
  readonly limits: ConnectionLimits
  readonly #exempt: (address: string) => boolean
  /** Bounded by the number of open connections. */
  readonly #byGroup = new Map<string, number>()
  readonly #refused = { total: 0, address: 0 }
  open = 0

  constructor(limits: ConnectionLimits, exempt: (address: string) => boolean) {
    this.limits = limits
    this.#exempt = exempt
  }

  get refused(): ConnectionRefusals {
    return this.#refused
  }

  /** Whether a new connection may stay. One that may is counted until closed(). */
  admit(address: string): boolean {
    if (this.full()) return false
    const group = addressGroup(address)
    const others = this.#byGroup.get(group) ?? 0
    if (this.tooMany(address, others)) return false
    this.#byGroup.set(group, others + 1)
    this.open++
    return true
  }

  /** A connection that was admitted has ended. */
  closed(address: string): void {
    const group = addressGroup(address)
    const others = (this.#byGroup.get(group) ?? 1) - 1
    if (others === 0) this.#byGroup.delete(group)
    else this.#byGroup.set(group, others)
    this.open--
  }

  /** Counts a connection whose end will be told without its address. @returns whether there was room for it */
  opened(): boolean {
    const room = !this.full()
    this.open++
    return room
  }

  /** A connection that opened() counted has ended. */
  ended(): void {
    this.open--
  }

  /** Whether no connection may be added; if so, that is counted as a refusal. */
  full(): boolean {
    if (this.open < this.limits.total) return false
    this.#refused.total++
    return true
  }

  /** Whether an address with so many connections may have no other one; if so, that is counted as a refusal. */
  tooMany(address: string, others: number): boolean {
    if (others < this.limits.perAddress || this.#exempt(address)) return false
    this.#refused.address++
    return true
  }
}
