import { Digits } from './digits.ts'

const BASE_62 = new Digits('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')

/** Decodes a number of base 62 into `bytes` bytes. Null: other characters, or the number needs more bytes. */
export function decodeBase62(text: string, bytes: number): Buffer | null {
  const number = BASE_62.read(text)
  if (number === null) return null
  const hex = number.toString(16).padStart(2 * bytes, '0')
  return hex.length === 2 * bytes ? Buffer.from(hex, 'hex') : null
}
