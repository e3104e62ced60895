import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Config } from '../config/config.ts'

/**
 * The key of tokens and session ids: the configured one, or one that is generated once and kept in the data directory, readable by its owner
 * only.
 */
export function tokenSecret(configured: string | undefined, dataDir: string): string {
  if (configured !== undefined) return configured
  const path = join(dataDir, 'secret')
  try {
    writeFileSync(path, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(path, 'utf8').trim()
}

/** The same for a command, which never generates one. @throws GatepostError CONFIG_INVALID: it is not known here */
export function knownSecret(configured: string | undefined, dataDir: string): string {
  if (configured !== undefined) return configured
  try {
    return readFileSync(join(dataDir, 'secret'), 'utf8').trim()
  } catch (error) {
    throw new GatepostError(
      'CONFIG_INVALID',
      `GATEPOST_SECRET is not set, and the data directory has none (${messageOf(error)}): pseudonyms and erased subjects hashed with it cannot be recognised`,
      error,
    )
  }
}

/**
 * The keys with which subjects may have been hashed, the signing key first; during a rotation there are two.
 * @throws GatepostError CONFIG_INVALID: no key is known here
 */
export function knownKeys({ secret, secondSecret, dataDir }: KeysConfig): readonly string[] {
  return withSecond(knownSecret(secret, dataDir), secondSecret)
}

export type KeysConfig = Pick<Config, 'secret' | 'secondSecret' | 'dataDir'>

export function withSecond(secret: string, second: string | undefined): readonly [string, ...string[]] {
  return second === undefined ? [secret] : [secret, second]
}

/** The key that signs alerts: the configured one, or one derived from the token key that does not reveal it. */
export function alertSecret(configured: string | undefined, tokenKey: string): string {
  return configured ?? createHmac('sha256', tokenKey).update('gatepost: alerts').digest('hex')
}
