import { BlockList, isIPv6 } from 'node:net'
import { canonicalIp } from '../../common/ip-address.ts'

/*
 * Where a token may be sent. gw_address in the address of the login page comes from the browser, so from anybody: only addresses of a
 * network of one's own are acceptable, and the address that an operator registered for that gw_id.
 */

/** Private (RFC 1918, RFC 4193), link-local (RFC 3927, RFC 4291) and carrier-grade NAT (RFC 6598). */
const NETWORKS: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
]

const ownNetworks = new BlockList()
for (const [network, prefix, family] of NETWORKS) ownNetworks.addSubnet(network, prefix, family)

/** The port of a gateway whose redirect names none: WiFiDog's GatewayPort. */
const DEFAULT_PORT = 2060

/** A gateway as a browser behind it reaches it. */
export interface GatewayAddress {
  /** An IP address in its canonical text. */
  readonly ip: string
  readonly port: number
  /** It is the one that an operator registered for this gateway. */
  readonly registered: boolean
}

/**
 * Null: nowhere that a token may go.
 * @param sent gw_address as sent; empty: none was, the registered one counts
 * @param sentPort gw_port as sent; empty: WiFiDog's default
 * @param registered the address that an operator registered for the gw_id; null: none
 */
export function gatewayAddress(sent: string, sentPort: string, registered: string | null): GatewayAddress | null {
  const known = registered === null ? undefined : canonicalIp(registered)
  const ip = sent === '' ? known : canonicalIp(sent)
  const port = sentPort === '' ? DEFAULT_PORT : portNumber(sentPort)
  if (ip === undefined || port === null) return null
  if (ip === known) return { ip, port, registered: true }
  return ownNetworks.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4') ? { ip, port, registered: false } : null
}

function portNumber(text: string): number | null {
  if (!/^\d{1,5}$/.test(text)) return null
  const port = Number(text)
  return port > 0 && port < 65536 ? port : null
}

/** `http://192.168.1.1:2060`. */
function gatewayOrigin({ ip, port }: GatewayAddress): string {
  return `http://${isIPv6(ip) ? `[${ip}]` : ip}:${port}`
}

/** What stands for the gateway in a Content-Security-Policy, whose hosts cannot be IPv6 addresses (CSP 3, 2.3.1). */
export function policySource(address: GatewayAddress): string {
  return isIPv6(address.ip) ? 'http:' : gatewayOrigin(address)
}

/** Where a browser takes its token (WiFiDog protocol). PRECONDITION: the token is alphanumeric. */
export function loginUrl(address: GatewayAddress, token: string): string {
  return `${gatewayOrigin(address)}/wifidog/auth?token=${token}`
}

/** Where a browser logs out (WiFiDog protocol). PRECONDITION: the token is alphanumeric. */
export function logoutUrl(address: GatewayAddress, token: string): string {
  return `${gatewayOrigin(address)}/wifidog/auth?logout=1&token=${token}`
}
