import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { isLoopback } from './ip-address.ts'

/**
 * Refuses requests that a web page makes its visitor's browser send here: directly (with a cross-site Origin), or through a name that
 * resolves to this address (DNS rebinding, with that name as Host).
 */
export class HostCheck {
  readonly #names: ReadonlySet<string>

  constructor(boundHost: string, allowedHosts: readonly string[]) {
    const names = ['localhost', boundHost, ...allowedHosts].map((name) => name.toLowerCase())
    this.#names = new Set(names.filter((name) => !isUnspecified(name)))
  }

  /** Null: allowed. Otherwise the reason for the refusal. */
  refusal(req: IncomingMessage): string | null {
    const host = req.headers.host
    if (host === undefined || !this.#knows(hostNameOf(host), req)) {
      return `Host ${JSON.stringify(host ?? '')} is not a name of this endpoint`
    }
    const origin = req.headers.origin
    if (origin !== undefined && !this.#knows(hostNameOf(origin.replace(/^https?:\/\//i, '')), req)) {
      return `cross-site requests are refused (Origin: ${JSON.stringify(origin)})`
    }
    if (req.headers['sec-fetch-site'] === 'cross-site') return 'cross-site requests are refused'
    return null
  }

  #knows(name: string, req: IncomingMessage): boolean {
    if (name === '') return false
    // When bound to all addresses, the dialled address is ours. Unlike a name, an address cannot be rebound.
    const dialled = req.socket.localAddress?.replace(/^::ffff:/, '')
    return this.#names.has(name) || isLoopback(name) || (isIP(name) !== 0 && name === dialled)
  }
}

/** Whether an address to bind to means all addresses. */
export function isUnspecified(name: string): boolean {
  return name === '0.0.0.0' || name === '::' || name === ''
}

/** `[::1]:8123` → `::1`, `Localhost:8123` → `localhost`; empty if it is not host and port. */
function hostNameOf(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host)
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase()
}
