import { z } from 'zod'
import { DECIDED } from '../../access/subjects.ts'
import type { Limit } from '../../access/limits.ts'
import type { Policy } from '../../jobs/policies/policy.ts'
import { limitList, limitsOf } from './limits.ts'
import { parseDuration, parseSize } from './values.ts'
import { YamlFile } from './yaml-file.ts'

/** Bounded, because evaluating a policy takes time and its name is a label of metrics. */
const MAX_POLICIES = 50
const MAX_FOR_MS = 366 * 24 * 3_600_000

const limit = z.union([z.number(), z.string()])

const policy = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'allowed are 1 to 64 of a-z, 0-9 and -'),
  deny: z.enum(DECIDED),
  sql: z.string().trim().min(1),
  limit,
  unit: z.enum(['bytes', 'seconds', 'count']).default('count'),
  for: z.string().default('day'),
  show: z.boolean().default(true),
})

const file = z.strictObject({ policies: z.array(policy).max(MAX_POLICIES).default([]), limits: limitList })

/**
 * Reads the policies of GATEPOST_POLICIES, which docs/access.md describes; none if it is unset.
 * @throws GatepostError CONFIG_INVALID: lists every mistake with its place
 */
export function readPolicies(path: string | undefined): Policy[] {
  if (path === undefined) return []
  const read = new YamlFile('GATEPOST_POLICIES', path, file)
  const { policies } = read.data
  read.assertNames('policies', policies)
  return policies.map((each, index) => {
    const at = `policies.${index}`
    const amount = limitOf(each.limit, each.unit)
    if (amount === undefined) {
      throw read.wrong(
        `${at}.limit: ${each.limit}: allowed is a number above 0, for bytes also 2 GB, for seconds also 4h`,
      )
    }
    const forMs = each.for === 'day' ? null : parseDuration(each.for)
    if (forMs === undefined || (forMs !== null && (forMs < 1000 || forMs > MAX_FOR_MS))) {
      throw read.wrong(`${at}.for: ${each.for}: allowed is day, or a duration from 1s to 366d`)
    }
    const { name, deny, unit, show } = each
    // A trailing semicolon would end the statement that this one is embedded in.
    return { name, deny, unit, show, limit: amount, forMs, sql: each.sql.replace(/;\s*$/, '') }
  })
}

/**
 * Reads the limits of those who log in at the portal, from the same file.
 * @throws GatepostError CONFIG_INVALID: as above
 */
export function readLimits(path: string | undefined): Limit[] {
  if (path === undefined) return []
  const read = new YamlFile('GATEPOST_POLICIES', path, file)
  return limitsOf(read, read.data.limits)
}

function limitOf(written: number | string, unit: Policy['unit']): number | undefined {
  if (typeof written === 'number') return written > 0 && Number.isFinite(written) ? written : undefined
  if (unit === 'bytes') return parseSize(written) || undefined
  const ms = unit === 'seconds' ? parseDuration(written) : undefined
  return ms === undefined || ms === 0 ? undefined : ms / 1000
}
