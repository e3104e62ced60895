import { z } from 'zod'
import type { Concerned, Limit } from '../../access/limits.ts'
import { LOGIN_METHODS } from '../../access/login-methods.ts'
import { MAX_DEVICES } from '../../access/places.ts'
import { parseDuration, parseSize } from './values.ts'
import type { YamlFile } from './yaml-file.ts'

/* The list `limits` of GATEPOST_POLICIES: docs/access.md describes it. */

const MAX_LIMITS = 200
const MIN_SESSION_MS = 60_000
const MAX_SESSION_MS = 366 * 24 * 3_600_000

const pattern = z.string().trim().min(1).max(254)

const limit = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'allowed are 1 to 64 of a-z, 0-9 and -'),
  method: z.enum(LOGIN_METHODS).optional(),
  account: pattern.optional(),
  vouchers: pattern.optional(),
  session: z.string().optional(),
  devices: z.int().min(1).max(MAX_DEVICES).optional(),
  wins: z.enum(['first', 'newest']).default('first'),
  quota: z.union([z.number(), z.string()]).optional(),
  per: z.enum(['session', 'day']).default('day'),
})
type Written = z.infer<typeof limit>

export const limitList = z.array(limit).max(MAX_LIMITS).default([])

/** @throws GatepostError CONFIG_INVALID */
export function limitsOf(file: YamlFile<unknown>, written: readonly Written[]): Limit[] {
  file.assertNames('limits', written)
  return written.map((each, index) => {
    const wrong = (problem: string) => file.wrong(`limits.${index}${problem}`)
    const of = concernedBy(each)
    if (of === null) throw wrong(': give one of method, account and vouchers')
    const { name, session, devices = null, wins, quota, per } = each
    const sessionMs = session === undefined ? null : parseDuration(session)
    if (sessionMs === undefined || (sessionMs !== null && (sessionMs < MIN_SESSION_MS || sessionMs > MAX_SESSION_MS)))
      throw wrong(`.session: ${session}: allowed is a duration from 60s to 366d`)
    const quotaBytes = quota === undefined ? null : typeof quota === 'number' ? quota : (parseSize(quota) ?? 0)
    if (quotaBytes !== null && !(quotaBytes >= 1 && Number.isFinite(quotaBytes)))
      throw wrong(`.quota: ${quota}: allowed is a size above 0, such as 500 MB`)
    if (devices !== null && of.kind === 'method' && of.method === 'click')
      throw wrong('.devices: whoever clicks has no account that could have several devices')
    return { name, of, sessionMs, devices, wins, quotaBytes, per }
  })
}

function concernedBy({ method, account, vouchers }: Written): Concerned | null {
  const given: Concerned[] = [
    ...(method === undefined ? [] : [{ kind: 'method' as const, method }]),
    ...(account === undefined ? [] : [{ kind: 'account' as const, pattern: account }]),
    ...(vouchers === undefined ? [] : [{ kind: 'vouchers' as const, pattern: vouchers }]),
  ]
  return given.length === 1 ? given[0] : null
}
