/** Returned by parseUint64() for a value above 2^53 - 1; uint64Value() then has the value. */
export const BIG = -2
/** Returned by parseUint64() for anything but an unsigned 64-bit integer in decimal digits. */
export const INVALID = -1

const MAX_UINT64 = 0xffff_ffff_ffff_ffffn
let big = 0n

/** The value of the last call of parseUint64() that returned BIG. */
export function uint64Value(): bigint {
  return big
}

/** Parses text[start..end) as an unsigned 64-bit decimal integer. Returns the value up to 2^53 - 1, otherwise BIG or INVALID. */
export function parseUint64(text: string, start: number, end: number): number {
  if (start >= end) return INVALID
  let value = 0
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return INVALID
    value = value * 10 + digit
  }
  if (value <= Number.MAX_SAFE_INTEGER) return value
  if (end - start > 64) return INVALID
  big = BigInt(text.slice(start, end))
  return big <= MAX_UINT64 ? BIG : INVALID
}

const POWERS_OF_TEN = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

/** Parses text[start..end) as a finite decimal number ("0.03"). Returns NaN if it is not one. */
export function parseDecimal(text: string, start: number, end: number): number {
  // Fast and exact up to 15 digits: numerator and power of ten are exact doubles, so the quotient is rounded once.
  let value = 0
  let point = -1
  let index = start
  for (; index < end && end - start <= 16; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x2e && point < 0) point = index
    else if (code >= 0x30 && code <= 0x39) value = value * 10 + code - 0x30
    else break
  }
  if (index === end && index > start && !(point >= 0 && end - start === 1)) {
    const decimals = point < 0 ? 0 : end - point - 1
    if (decimals < POWERS_OF_TEN.length) return value / POWERS_OF_TEN[decimals]
  }
  const rest = text.slice(start, end)
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(rest)) return NaN
  const slow = Number(rest)
  return Number.isFinite(slow) ? slow : NaN
}
