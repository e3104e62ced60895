import { isIP } from 'node:net'
import { canonicalIp, ipv6Groups } from '../common/ip-address.ts'
import type { AccessLog } from './log.ts'
import { SUBJECTS } from './subjects.ts'

/** A registered gateway, found by an address. */
export interface SourceGateway {
  /** The gateway; where several are registered with the same source, the source. */
  readonly name: string
  /** The gateway is registered with this very address (or a part of its /64): its clients are behind it. */
  readonly isGateway: boolean
}

/** A registered source. */
interface Network {
  readonly text: string
  readonly isGateway: boolean
  readonly gateways: Set<string>
}

/**
 * Finds the registered gateway that an address belongs to. Unlike a gw_id, which the sender writes, the address is what the operator registered.
 * Bounded by the number of registrations.
 */
export class GatewaySources {
  readonly #access: AccessLog
  /** Gateways whose registration has to be read again. */
  readonly #changed = new Set<string>()
  readonly #keysOf = new Map<string, readonly string[]>()
  readonly #networks = new Map<string, Network>()
  /** How many networks there are of each family and length. */
  readonly #lengths = { 4: new Map<number, number>(), 6: new Map<number, number>() }

  constructor(access: AccessLog) {
    this.#access = access
    access.watch((subject) => {
      const gwId = SUBJECTS.registration.nameOf(subject)
      if (gwId !== null) this.#changed.add(gwId)
    })
  }

  /** Whether any gateway is registered with sources. */
  get any(): boolean {
    this.#read()
    return this.#networks.size > 0
  }

  /** The gateway with the most specific source; null: no source holds the address. */
  gatewayOf(address: string): SourceGateway | null {
    this.#read()
    const ip = canonicalIp(address)
    if (ip === undefined || this.#networks.size === 0) return null
    const family = isIP(ip) as 4 | 6
    for (const length of [...this.#lengths[family].keys()].sort((a, b) => b - a)) {
      const network = this.#networks.get(keyOf(ip, length))
      if (network === undefined) continue
      const { gateways, text, isGateway } = network
      const [gateway] = gateways
      return { name: gateways.size === 1 ? gateway : text, isGateway }
    }
    return null
  }

  #read(): void {
    // Before the log has been read to its end, a registration may still follow.
    if (this.#changed.size === 0 || !this.#access.known) return
    const { registration } = SUBJECTS
    for (const gwId of this.#changed) {
      for (const key of this.#keysOf.get(gwId) ?? []) this.#remove(gwId, key)
      const sources: unknown = registration.dataOf(this.#access.get(registration.of(gwId), Date.now()))?.sources
      const keys = Array.isArray(sources) ? sources.flatMap((source) => this.#add(gwId, String(source))) : []
      if (keys.length === 0) this.#keysOf.delete(gwId)
      else this.#keysOf.set(gwId, keys)
    }
    this.#changed.clear()
  }

  /** @returns its key; empty: it is not a network, and was written by another version */
  #add(gwId: string, source: string): string[] {
    const [address, prefix] = source.split('/')
    const ip = canonicalIp(address)
    if (ip === undefined) return []
    const family = isIP(ip) as 4 | 6
    const bits = family === 4 ? 32 : 128
    const length = prefix === undefined ? bits : Number(prefix)
    if (!Number.isInteger(length) || length < 0 || length > bits) return []
    const key = keyOf(ip, length)
    let network = this.#networks.get(key)
    if (network === undefined) {
      network = { text: source, isGateway: length >= (family === 4 ? 32 : 64), gateways: new Set() }
      this.#networks.set(key, network)
      this.#lengths[family].set(length, (this.#lengths[family].get(length) ?? 0) + 1)
    }
    network.gateways.add(gwId)
    return [key]
  }

  #remove(gwId: string, key: string): void {
    const network = this.#networks.get(key)
    if (network === undefined) return
    network.gateways.delete(gwId)
    if (network.gateways.size > 0) return
    this.#networks.delete(key)
    const [family, length] = key.split('/').map(Number)
    const lengths = this.#lengths[family as 4 | 6]
    const left = (lengths.get(length) ?? 1) - 1
    if (left === 0) lengths.delete(length)
    else lengths.set(length, left)
  }
}

/** `family/length/bits` of the network of an address. */
function keyOf(ip: string, length: number): string {
  const family = isIP(ip)
  const [parts, size] = family === 4 ? [ip.split('.').map(Number), 8] : [ipv6Groups(ip), 16]
  const value = parts.reduce<bigint>((bits, part) => (bits << BigInt(size)) | BigInt(part), 0n)
  return `${family}/${length}/${(value >> BigInt(parts.length * size - length)).toString(16)}`
}
