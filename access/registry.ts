import { BlockList, isIP } from 'node:net'
import type { AccessLog } from './log.ts'
import { SUBJECTS } from './subjects.ts'

/**
 * The source addresses of registered gateways. The protocol does not authenticate gateways: one that is registered with sources is trusted
 * only from those; any other is trusted from anywhere.
 */
export class GatewayRegistry {
  readonly #access: AccessLog
  /** Cache. Undefined: must be read again. Null: no sources are registered. Bounded by the size of the access log. */
  readonly #sources = new Map<string, BlockList | null | undefined>()
  /** Requests from outside the registered sources, since the start. */
  readonly untrusted = { ping: 0, auth: 0 }
  /** The registered gateways of a tag; several share one very rarely. */
  readonly #gateways = new Map<number, string[]>()

  /** @param tagsOf the tags under which tokens name a gateway */
  constructor(access: AccessLog, tagsOf: (gwId: string) => readonly number[]) {
    this.#access = access
    access.watch((subject) => {
      const gwId = SUBJECTS.registration.nameOf(subject)
      if (gwId === null) return
      this.#sources.set(gwId, undefined)
      for (const tag of tagsOf(gwId)) {
        const gateways = this.#gateways.get(tag)
        if (gateways === undefined) this.#gateways.set(tag, [gwId])
        else if (!gateways.includes(gwId)) gateways.push(gwId)
      }
    })
  }

  /** Whether a request that names this gateway may come from it. */
  trusts(kind: 'ping' | 'auth', gwId: string, remoteIp: string): boolean {
    if (this.#mayBe(gwId, remoteIp)) return true
    this.untrusted[kind]++
    return false
  }

  /** Whether a request that names no gateway may come from that of its token. */
  trustsTag(gatewayTag: number, remoteIp: string): boolean {
    const gateways = this.#gateways.get(gatewayTag)
    if (gateways === undefined || gateways.some((gwId) => this.#mayBe(gwId, remoteIp))) return true
    this.untrusted.auth++
    return false
  }

  #mayBe(gwId: string, remoteIp: string): boolean {
    if (this.#sources.size === 0 || !this.#sources.has(gwId)) return true
    const sources = this.#sources.get(gwId) ?? this.#read(gwId)
    return sources === null || isFrom(sources, remoteIp)
  }

  /** Whether the gateway is registered with sources and the request comes from one of them. */
  isProven(gwId: string, remoteIp: string): boolean {
    const sources = this.#sources.has(gwId) ? (this.#sources.get(gwId) ?? this.#read(gwId)) : null
    return sources !== null && isFrom(sources, remoteIp)
  }

  /** The gateway with this tag that is registered with sources of which the request comes from one. Null: there is none; empty: there are several. */
  provenOfTag(gatewayTag: number, remoteIp: string): string | null {
    const proven = (this.#gateways.get(gatewayTag) ?? []).filter((gwId) => this.isProven(gwId, remoteIp))
    return proven.length > 1 ? '' : (proven.at(0) ?? null)
  }

  #read(gwId: string): BlockList | null {
    const { registration } = SUBJECTS
    const sources = registration.dataOf(this.#access.get(registration.of(gwId), Date.now()))?.sources
    const list = Array.isArray(sources) && sources.length > 0 ? blockList(sources as string[]) : null
    // Before the log has been read to its end, the registration may still follow.
    if (this.#access.known) this.#sources.set(gwId, list)
    return list
  }
}

function isFrom(sources: BlockList, ip: string): boolean {
  const family = isIP(ip)
  return family !== 0 && sources.check(ip, family === 6 ? 'ipv6' : 'ipv4')
}

/** Builds a block list of addresses and CIDR blocks. @throws Error: an entry is neither */
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
