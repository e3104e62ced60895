import { Digits } from './digits.ts'

/*
 * The form of a token: 32 characters, which is what the gateway with the least room keeps (wifidog-ng 1.5). They are one number of 189 bits, most
 * significant first:
 *
 *  signature  64   HMAC-SHA-256 of the rest and of the client's MAC, truncated
 *  issued     32   seconds since the epoch
 *  end        25   seconds after issued when the session ends
 *  use        11   seconds after issued within which the first login must happen, as a duration
 *  confirm    11   seconds after issued within which the account must be confirmed, as a duration; 0: no confirmation needed
 *  gateway    16   keyed tag of gw_id
 *  bound       1   whether the signature covers a MAC; else the token belongs to the first client that logs in
 *  account     1   whether there is an account; the access log has its name under the session
 *  random     28
 *
 *  duration = seconds up to 127, else 4 bits of exponent and 7 bits of mantissa, rounded up by less than 1 %
 *
 * The digits are those of base 62 without "P": gateways accept letters and digits only, and search answers for the word "Pong".
 */

const BASE_61 = new Digits('0123456789ABCDEFGHIJKLMNOQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')

export const TOKEN_CHARACTERS = 32
const BODY_BITS = 125n
const SIGNATURE_BITS = 64n

/** What the signature covers, beside the MAC. Times in seconds. */
export interface TokenBody {
  readonly issued: number
  readonly end: number
  readonly use: number
  readonly confirm: number
  readonly gateway: number
  readonly isBound: boolean
  readonly hasAccount: boolean
  readonly random: number
}

const MAX_END = 2 ** 25 - 1
const MANTISSA = 128

/** The body that a token can hold. */
export function rounded(fields: TokenBody): TokenBody {
  const end = Math.min(fields.end, MAX_END)
  return { ...fields, end, use: durationOf(codeOf(fields.use)), confirm: durationOf(codeOf(fields.confirm)) }
}

function codeOf(seconds: number): number {
  let exponent = 0
  let mantissa = seconds
  while (mantissa >= 2 * MANTISSA) mantissa = Math.ceil(seconds / 2 ** ++exponent)
  return mantissa < MANTISSA ? mantissa : Math.min((exponent + 1) * MANTISSA + mantissa - MANTISSA, 16 * MANTISSA - 1)
}

function durationOf(code: number): number {
  const exponent = Math.floor(code / MANTISSA)
  return exponent === 0 ? code : (MANTISSA + (code % MANTISSA)) * 2 ** (exponent - 1)
}

/** The parts after the signature, with their bits. */
export function pack(fields: TokenBody): bigint {
  const { issued, end, use, confirm, gateway, isBound, hasAccount, random } = fields
  const parts = [
    [issued, 32n],
    [end, 25n],
    [codeOf(use), 11n],
    [codeOf(confirm), 11n],
    [gateway, 16n],
    [isBound ? 1 : 0, 1n],
    [hasAccount ? 1 : 0, 1n],
    [random, 28n],
  ] as const
  return parts.reduce((bits, [value, width]) => (bits << width) | BigInt(value), 0n)
}

export function encodeToken(bits: bigint, signature: bigint): string {
  return BASE_61.write((signature << BODY_BITS) | bits, TOKEN_CHARACTERS)
}

/** Null: other characters, or a number that is too large. */
export function decodeToken(text: string): { fields: TokenBody; bits: bigint; signature: bigint } | null {
  const number = BASE_61.read(text)
  if (number === null) return null
  const signature = number >> BODY_BITS
  if (signature >> SIGNATURE_BITS !== 0n) return null
  let rest = number
  const take = (width: bigint): number => {
    const value = Number(BigInt.asUintN(Number(width), rest))
    rest >>= width
    return value
  }
  const random = take(28n)
  const hasAccount = take(1n) === 1
  const isBound = take(1n) === 1
  const gateway = take(16n)
  const confirm = durationOf(take(11n))
  const use = durationOf(take(11n))
  const end = take(25n)
  const issued = take(32n)
  const fields = { issued, end, use, confirm, gateway, isBound, hasAccount, random }
  return { fields, bits: BigInt.asUintN(Number(BODY_BITS), number), signature }
}
