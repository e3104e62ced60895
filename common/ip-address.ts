import { isIP, isIPv6 } from 'node:net'

/**
 * The canonical text of an IP address: `1.2.3.4`, `2001:db8::1`. An IPv4-mapped IPv6 address (::ffff:1.2.3.4) becomes the IPv4 address.
 * Undefined if the text is not an address, or has a zone (fe80::1%eth0), which means nothing on another machine.
 */
export function canonicalIp(text: string): string | undefined {
  const version = isIP(text)
  if (version === 4) return text
  if (version !== 6 || text.includes('%')) return undefined
  const ip = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(ip)
  if (!mapped) return ip
  const [high, low] = [parseInt(mapped[1], 16), parseInt(mapped[2], 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** The eight groups of an IPv6 address, which may have a zone. PRECONDITION: it is one. */
export function ipv6Groups(text: string): number[] {
  const plain = text.split('%')[0].replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a, b, c, d] = bytes.map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [first, last = []] = plain.split('::').map((part) => (part === '' ? [] : part.split(':')))
  const zeros = new Array<string>(8 - first.length - last.length).fill('0')
  return [...first, ...zeros, ...last].map((group) => parseInt(group, 16))
}

/** What counts as one address: an IPv4 address, or the /64 of an IPv6 address, of which a customer has all. */
export function addressGroup(address: string): string {
  if (!isIPv6(address)) return address
  const groups = ipv6Groups(address).slice(0, 4)
  return groups.map((group) => group.toString(16)).join(':') + '::/64'
}

/** Whether only this machine can reach a listener on this address. */
export function isLoopback(address: string): boolean {
  if (address === 'localhost') return true
  const ip = canonicalIp(address)
  return ip !== undefined && (ip === '::1' || ip.startsWith('127.'))
}
