import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../../common/errors.ts'
import { canonicalIp } from '../../common/ip-address.ts'
import type { NasClient } from '../../jobs/disconnects/nas-clients.ts'
import { addressBlock } from './values.ts'
import { YamlFile } from './yaml-file.ts'

const MAX_ENTRIES = 1000
const MAX_NETWORKS = 100
/** RFC 5176, section 2.3. */
const PORT = 3799
const MIN_SECRET = 8
/** A longer one would be cut by programs of others. */
const MAX_SECRET = 128

const SENT = [
  'NAS-Identifier',
  'NAS-IP-Address',
  'Acct-Session-Id',
  'Acct-Multi-Session-Id',
  'Calling-Station-Id',
  'User-Name',
  'Framed-IP-Address',
] as const

const entry = z.strictObject({
  nas: z.string().min(1).max(253),
  address: z.string().optional(),
  networks: z.array(z.string()).min(1).max(MAX_NETWORKS).optional(),
  port: z.int().min(1).max(65535).default(PORT),
  secret: z.string().optional(),
  secret_file: z.string().min(1).optional(),
  send: z.array(z.enum(SENT)).min(1).default(['NAS-Identifier', 'NAS-IP-Address', 'Acct-Session-Id']),
})

const file = z.strictObject({ disconnect: z.array(entry).max(MAX_ENTRIES) })

/**
 * Reads which NAS take Disconnect-Requests, out of GATEPOST_RADIUS_DAE, which docs/access.md describes; none if it is unset.
 * @throws GatepostError CONFIG_INVALID: lists every mistake with its place, and no secret
 */
export function readRadiusDae(path: string | undefined): NasClient[] {
  if (path === undefined) return []
  const read = new YamlFile('GATEPOST_RADIUS_DAE', path, file)
  return read.data.disconnect.map((each, index) => {
    const wrong = (field: string, problem: string) => read.wrong(`disconnect.${index}.${field}: ${problem}`)
    if ((each.address === undefined) === (each.networks === undefined))
      throw wrong('address', 'one of address and networks must be there')
    const address = each.address === undefined ? null : canonicalIp(each.address)
    if (address === undefined) throw wrong('address', `${each.address}: allowed is an IPv4 or IPv6 address`)
    const networks = (each.networks ?? []).map((text) => {
      const network = addressBlock(text)
      if (network === undefined) throw wrong('networks', `${text}: allowed are IP addresses and CIDR blocks`)
      return network
    })
    if ((each.secret === undefined) === (each.secret_file === undefined))
      throw wrong('secret', 'one of secret and secret_file must be there')
    let secret = each.secret ?? ''
    if (each.secret_file !== undefined) {
      try {
        secret = readFileSync(resolve(dirname(path), each.secret_file), 'utf8').trimEnd()
      } catch (error) {
        throw wrong('secret_file', messageOf(error))
      }
    }
    if (secret.length < MIN_SECRET || secret.length > MAX_SECRET)
      throw wrong('secret', `allowed are ${MIN_SECRET} to ${MAX_SECRET} characters`)
    const send = each.send.flatMap((name) =>
      name === 'NAS-IP-Address' ? (['NAS-IP-Address', 'NAS-IPv6-Address'] as const) : [name],
    )
    if (send.every((name) => name.startsWith('NAS-')))
      throw wrong('send', 'at least one attribute must name the session')
    return { nas: each.nas, address, networks, port: each.port, secret, send }
  })
}
