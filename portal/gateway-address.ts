import { BlockList, isIPv6 } from 'node:net'
import { canonicalIp } from '../common/ip-address.ts'

/*
 * Decides where a token may be sent. gw_address comes from the browser, so anybody can forge it: only private addresses are accepted, and
 * the address that an operator registered for the gw_id.
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

/** WiFiDog's default GatewayPort, for redirects that name no port. */
const DEFAULT_PORT = 2060

/** Address under which browsers reach a gateway. */
export interface GatewayAddress {
  /** An IP address in its canonical text. */
  readonly ip: string
  readonly port: number
  /** Whether an operator registered this address for the gateway. */
  readonly registered: boolean
}

/**
 * Null: there is no address that a token may be sent to.
 * @param sent gw_address as sent; empty: not sent, so the registered one is used
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

/** The gateway as a source in a Content-Security-Policy, where hosts cannot be IPv6 addresses (CSP 3, 2.3.1). */
export function policySource(address: GatewayAddress): string {
  return isIPv6(address.ip) ? 'http:' : gatewayOrigin(address)
}

/** A header must not contain the word "Pong", for which gateways search answers. */
function gatewayParameter(gwId: string): string {
  return `gw_id=${encodeURIComponent(gwId).replaceAll('Pong', '%50ong')}`
}

/**
 * The URL to which a browser takes its token (WiFiDog protocol). apfree 7.08 and later refuse it without gw_id; other gateways ignore gw_id.
 * PRECONDITION: the token is alphanumeric.
 */
export function loginUrl(address: GatewayAddress, gwId: string, token: string): string {
  return `${gatewayOrigin(address)}/wifidog/auth?token=${token}&${gatewayParameter(gwId)}`
}

/** The URL that logs a browser out (WiFiDog protocol), with gw_id as above. PRECONDITION: the token is alphanumeric. */
export function logoutUrl(address: GatewayAddress, gwId: string, token: string): string {
  return `${gatewayOrigin(address)}/wifidog/auth?logout=1&token=${token}&${gatewayParameter(gwId)}`
}
