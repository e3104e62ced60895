import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { HashQueue, type Lane } from './hash-queue.ts'

/*
 * Passwords as scrypt hashes (RFC 7914): "scrypt$N$r$p$salt$hash", with salt and hash in base64url. The parameters are recommended by the
 * OWASP Password Storage Cheat Sheet: 32 MiB and about 200 ms of one core.
 */

const PARAMETERS = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 }
const HASH_BYTES = 32
const SALT_BYTES = 16

/** Whose turn a hash is. */
export interface HashTurn {
  readonly lane: Lane
  readonly origin: string
}

/** Of this process, whose threads they share. */
const queue = new HashQueue()

async function derive(
  password: string,
  salt: Buffer,
  options: ScryptOptions,
  { lane, origin }: HashTurn,
): Promise<Buffer> {
  const done = await queue.enter(lane, origin)
  try {
    return await new Promise((resolve, reject) => {
      scrypt(password.normalize('NFKC'), salt, HASH_BYTES, options, (error, key) =>
        error === null ? resolve(key) : reject(error),
      )
    })
  } finally {
    done()
  }
}

/** @throws PasswordsBusy */
export async function hashPassword(password: string, turn: HashTurn): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const { N, r, p } = PARAMETERS
  const hash = await derive(password, salt, PARAMETERS, turn)
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

/** A hash that no password has. Checking it takes as long as checking the hash of an account. */
const NOBODY = `scrypt$${PARAMETERS.N}$${PARAMETERS.r}$${PARAMETERS.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** With null, takes as long as a real check and returns false. @throws PasswordsBusy */
export async function checkPassword(password: string, stored: string | null, turn: HashTurn): Promise<boolean> {
  const [, N, r, p, salt, hash] = (stored ?? NOBODY).split('$')
  const options = { N: Number(N), r: Number(r), p: Number(p), maxmem: PARAMETERS.maxmem }
  const derived = await derive(password, Buffer.from(salt, 'base64url'), options, turn)
  const expected = Buffer.from(hash, 'base64url')
  return derived.length === expected.length && timingSafeEqual(derived, expected) && stored !== null
}
