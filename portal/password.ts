import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { HashQueue, type Lane } from './hash-queue.ts'

/* Passwords as scrypt hashes (RFC 7914): "scrypt$N$r$p$salt$hash", with salt and hash in base64url. */

/** What a hash costs: the parameters of scrypt. */
export interface HashCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

/** As the OWASP Password Storage Cheat Sheet recommends: 32 MiB and about 200 ms of one core. */
export const PASSWORD_COST: HashCost = { N: 2 ** 15, r: 8, p: 3 }
const MAX_MEMORY = 64 * 1024 * 1024
const HASH_BYTES = 32
const SALT_BYTES = 16

/** Whose turn a hash is. */
export interface HashTurn {
  readonly lane: Lane
  readonly origin: string
}

/** Of this process, whose threads they share. */
const queue = new HashQueue()

async function derive(password: string, salt: Buffer, cost: HashCost, { lane, origin }: HashTurn): Promise<Buffer> {
  const done = await queue.enter(lane, origin)
  try {
    return await new Promise((resolve, reject) => {
      scrypt(password.normalize('NFKC'), salt, HASH_BYTES, { ...cost, maxmem: MAX_MEMORY }, (error, key) =>
        error === null ? resolve(key) : reject(error),
      )
    })
  } finally {
    done()
  }
}

/** Hashes passwords, and checks them against hashes of any cost. */
export class Passwords {
  readonly #cost: HashCost

  constructor(cost: HashCost = PASSWORD_COST) {
    this.#cost = cost
  }

  /** @throws PasswordsBusy */
  async hash(password: string, turn: HashTurn): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    const hash = await derive(password, salt, this.#cost, turn)
    return this.#text(salt.toString('base64url'), hash.toString('base64url'))
  }

  /** With null, takes as long as a real check and returns false. @throws PasswordsBusy */
  async check(password: string, stored: string | null, turn: HashTurn): Promise<boolean> {
    const [, N, r, p, salt, hash] = (stored ?? this.#nobody()).split('$')
    const cost = { N: Number(N), r: Number(r), p: Number(p) }
    const derived = await derive(password, Buffer.from(salt, 'base64url'), cost, turn)
    const expected = Buffer.from(hash, 'base64url')
    return derived.length === expected.length && timingSafeEqual(derived, expected) && stored !== null
  }

  /** A hash that no password has. Checking it takes as long as checking the hash of an account. */
  #nobody(): string {
    return this.#text('A'.repeat(22), 'A'.repeat(43))
  }

  #text(salt: string, hash: string): string {
    const { N, r, p } = this.#cost
    return ['scrypt', N, r, p, salt, hash].join('$')
  }
}
