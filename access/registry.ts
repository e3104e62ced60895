import { BlockList, isIP } from 'node:net'
import type { AccessLog } from './log.ts'
import { SUBJECTS } from './subjects.ts'

/**
 * From where registered gateways call. Nobody authenticates a gateway in this protocol: one that was registered with its sources is believed
 * only from there; any other is believed.
 */
export class GatewayRegistry {
  readonly #access: AccessLog
  /** Undefined: to be read again. Null: no sources are registered. Bounded as the log is. */
  readonly #sources = new Map<string, BlockList | null | undefined>()
  /** Requests from elsewhere, since the start. */
  readonly untrusted = { ping: 0, auth: 0 }

  constructor(access: AccessLog) {
    this.#access = access
    access.watch((subject) => {
      const gwId = SUBJECTS.registration.nameOf(subject)
      if (gwId !== null) this.#sources.set(gwId, undefined)
    })
  }

  /** Whether a request that says it is this gateway's may be it. */
  trusts(kind: 'ping' | 'auth', gwId: string, remoteIp: string): boolean {
    if (this.#sources.size === 0 || !this.#sources.has(gwId)) return true
    const sources = this.#sources.get(gwId) ?? this.#read(gwId)
    if (sources === null || isFrom(sources, remoteIp)) return true
    this.untrusted[kind]++
    return false
  }

  /** Whether the gateway is registered with its sources, and a request comes from one of them. */
  isProven(gwId: string, remoteIp: string): boolean {
    const sources = this.#sources.has(gwId) ? (this.#sources.get(gwId) ?? this.#read(gwId)) : null
    return sources !== null && isFrom(sources, remoteIp)
  }

  #read(gwId: string): BlockList | null {
    const { registration } = SUBJECTS
    const sources = registration.dataOf(this.#access.get(registration.of(gwId), Date.now()))?.sources
    const list = Array.isArray(sources) && sources.length > 0 ? blockList(sources as string[]) : null
    // Until all has been read it may still come.
    if (this.#access.known) this.#sources.set(gwId, list)
    return list
  }
}

function isFrom(sources: BlockList, ip: string): boolean {
  const family = isIP(ip)
  return family !== 0 && sources.check(ip, family === 6 ? 'ipv6' : 'ipv4')
}

/** Addresses and CIDR blocks. @throws Error: one of them is neither */
export function blockList(sources: readonly string[]): BlockList {
  const list = new BlockList()
  for (const source of sources) {
    const [address, prefix] = source.split('/')
    const family = isIP(address)
    const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix)
    if (family === 0 || !Number.isInteger(bits)) throw new Error(`${source} is neither an address nor a CIDR block`)
    list.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
