import { BlockList, isIPv6 } from 'node:net'
import type { AttributeName } from './packet.ts'
import type { Listener } from './request.ts'

/** How some NAS take Disconnect-Requests: an entry of GATEPOST_RADIUS_DAE. Plain data, since processes send it to each other. */
export interface NasClient {
  /** Names of NAS, as in radius_accounting.nas; `*` stands for any characters. */
  readonly nas: string
  /** Null: the address from which the session's accounting came, if it is in one of `networks`. */
  readonly address: string | null
  readonly networks: readonly string[]
  readonly port: number
  readonly secret: string
  readonly send: readonly AttributeName[]
}

/** Finds how a NAS takes requests. */
export class NasClients {
  readonly #clients: readonly (NasClient & { readonly list: BlockList })[]

  constructor(clients: readonly NasClient[]) {
    this.#clients = clients.map((client) => ({ ...client, list: blockList(client.networks) }))
  }

  /**
   * The first entry whose pattern fits.
   * @param site address of the session's RADIUS client; empty: not known
   * @returns null: no entry fits, or the address is in none of its networks
   */
  find(nas: string, site: string): { readonly listener: Listener; readonly send: readonly AttributeName[] } | null {
    const found = this.#clients.find((client) => fits(client.nas, nas))
    if (found === undefined) return null
    const { address, port, secret, send, list } = found
    if (address !== null) return { listener: { address, port, secret }, send }
    return site !== '' && list.check(site, familyOf(site)) ? { listener: { address: site, port, secret }, send } : null
  }
}

/** Linear in the name's length for each part of the pattern. */
function fits(pattern: string, name: string): boolean {
  const [first, ...rest] = pattern.split('*')
  if (rest.length === 0) return name === pattern
  const last = rest.pop() as string
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address, prefix] = network.split('/')
    if (prefix === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(prefix), familyOf(address))
  }
  return list
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}
