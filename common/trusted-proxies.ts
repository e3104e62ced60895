import { BlockList, isIP, isIPv6 } from 'node:net'

/** Node's socket.remoteAddress, with an IPv4-mapped address as plain IPv4. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** The address of a hop, which some proxies write with a port; null if invalid. */
function hopAddress(hop: string): string | null {
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop
  // A zone (fe80::1%eth0) means nothing here, and may be of any length.
  return isIP(address) === 0 || address.includes('%') ? null : plainAddress(address)
}

/** Characters of an X-Forwarded-For that are read, from its end: more than fifty hops. */
const MAX_FORWARDED_CHARACTERS = 2048

/** The peers whose X-Forwarded-For header is trusted. */
export class TrustedProxies {
  readonly #list = new BlockList()
  readonly any: boolean

  /** Addresses and CIDR ranges. */
  constructor(entries: readonly string[]) {
    this.any = entries.length > 0
    for (const entry of entries) {
      const [address, prefix] = entry.split('/')
      const family = isIPv6(address) ? 'ipv6' : 'ipv4'
      if (prefix === undefined) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, Number(prefix), family)
    }
  }

  /** Whether this peer's X-Forwarded-For is trusted. */
  trusts(address: string): boolean {
    return this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }

  /** The client's address: the last address in X-Forwarded-For that is not a trusted proxy, if the peer is one; else the peer. */
  client(peer: string, forwardedFor: string): string {
    if (!this.any || forwardedFor === '' || !this.trusts(peer)) return peer
    let client = peer
    for (const hop of forwardedFor.slice(-MAX_FORWARDED_CHARACTERS).split(',').reverse()) {
      const address = hopAddress(hop.trim())
      if (address === null) return client
      client = address
      if (!this.trusts(address)) return client
    }
    return client
  }
}
