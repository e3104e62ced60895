import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'

/*
 * Voucher codes: twelve characters of Crockford's base 32 (60 bits), printed in groups of four. Only a keyed hash of a code is kept:
 *
 *   HMAC-SHA-256(key, code) = id (first 12 bytes, names the voucher) | proof (the rest, compared in constant time)
 */

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CHARACTERS = 12

/** A new code, as printed: `7GQ2-M0XK-4TVA`. */
export function newVoucherCode(): string {
  const code = Array.from({ length: CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return code.replace(/.{4}(?=.)/g, '$&-')
}

/**
 * Normalises what a person typed: ignores case, blanks and dashes, and reads letters that look like a digit as that digit. Null: not a code.
 */
function normalCode(typed: string): string | null {
  const code = typed
    .toUpperCase()
    .replace(/[\s\p{Pd}]/gu, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
  return code.length === CHARACTERS && [...code].every((character) => ALPHABET.includes(character)) ? code : null
}

export interface VoucherHash {
  /** 24 hexadecimal digits: identifies the voucher and reveals nothing about its code. */
  readonly id: string
  readonly proof: string
}

/** Null: the input cannot be a voucher code. */
export function hashVoucherCode(secret: string, typed: string): VoucherHash | null {
  const code = normalCode(typed)
  if (code === null) return null
  const hash = createHmac('sha256', secret).update(`gatepost: voucher ${code}`).digest('hex')
  return { id: hash.slice(0, 24), proof: hash.slice(24) }
}

/** Compares in constant time. */
export function sameProof(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
