import { isIP } from 'node:net'

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

/** Whether only this machine can reach a listener on this address. */
export function isLoopback(address: string): boolean {
  if (address === 'localhost') return true
  const ip = canonicalIp(address)
  return ip !== undefined && (ip === '::1' || ip.startsWith('127.'))
}
