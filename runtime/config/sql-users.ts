import { z } from 'zod'
import type { NamedReader } from '../../sql-endpoint/index.ts'
import { parseDuration, parseSize } from './values.ts'
import { YamlFile } from './yaml-file.ts'

/** Bounded, because each is a role of the engine. */
const MAX_USERS = 200
const MAX_PLACES = 500
/** Users that there are anyway. */
const TAKEN = ['default', 'admin', 'operator']

const place = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,63}(?:\.[a-zA-Z_][a-zA-Z0-9_]{0,63})?$/, 'allowed is a table, or table.column')

const user = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'allowed are 1 to 63 letters, digits and _')
    .refine((name) => !TAKEN.includes(name), `${TAKEN.join(', ')} are other users`),
  password_sha256: z.string().regex(/^[0-9a-f]{64}$/, 'allowed are 64 hexadecimal digits'),
  tables: z.array(place).min(1).max(MAX_PLACES).optional(),
  hide: z.array(place).max(MAX_PLACES).default([]),
  max_time: z.string().optional(),
  max_memory: z.string().optional(),
  max_result: z.string().optional(),
})

const file = z.strictObject({ users: z.array(user).max(MAX_USERS) })

/**
 * Reads the users of GATEPOST_SQL_USERS, which docs/sql-endpoint.md describes; none if it is unset.
 * @throws GatepostError CONFIG_INVALID: lists every mistake with its place, and no hash
 */
export function readSqlUsers(path: string | undefined): NamedReader[] {
  if (path === undefined) return []
  const read = new YamlFile('GATEPOST_SQL_USERS', path, file)
  const { users } = read.data
  read.assertNames('users', users)
  return users.map((each, index) => {
    const at = `users.${index}`
    const limit = (field: 'max_time' | 'max_memory' | 'max_result', valueOf: (text: string) => number | undefined) => {
      const written = each[field]
      if (written === undefined) return undefined
      const value = valueOf(written)
      if (value === undefined || value < 1) {
        throw read.wrong(
          `${at}.${field}: ${written}: allowed is ${field === 'max_time' ? 'a duration from 1s' : 'a size'}`,
        )
      }
      return value
    }
    const seconds = limit('max_time', (text) => {
      const ms = parseDuration(text)
      return ms === undefined ? undefined : Math.floor(ms / 1000)
    })
    const memory = limit('max_memory', parseSize)
    const bytes = limit('max_result', parseSize)
    return {
      name: each.name,
      passwordSha256: each.password_sha256,
      shown: each.tables ?? null,
      hidden: each.hide,
      limits: {
        ...(seconds !== undefined && { maxExecutionSeconds: seconds }),
        ...(memory !== undefined && { maxMemoryBytes: memory }),
        ...(bytes !== undefined && { maxResultBytes: bytes }),
      },
    }
  })
}
