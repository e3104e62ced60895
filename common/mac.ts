/*
 * A value is read as a MAC only if it starts with one, in a grouping that vendors use, and the run of hex digits ends there:
 *
 *  mac  = 6 pair    one and the same of ":" "-" "." between them, or nothing
 *       / 3 quad    "-" or "." between them; with ":" it is a part of an IPv6 address
 *       / 2 six     "-" or "." between them
 *
 * What follows is not part of it. The normal form is 50-A6-7F-84-9C-D1.
 */

/** Upper-case ASCII code for each hex digit's code; 0: not a hex digit. */
const HEX = new Uint8Array(256)
for (const digit of '0123456789abcdefABCDEF') HEX[digit.charCodeAt(0)] = digit.toUpperCase().charCodeAt(0)

const COLON = 0x3a
const DASH = 0x2d
const DOT = 0x2e

/** The twelve digits found by the last scan. Valid until the next call. */
const digits = new Uint8Array(12)
/** The index after the last MAC that was found. */
let end = 0

/** The hex digit at an index in upper case; 0: there is none. */
function digitAt(codeAt: (index: number) => number, index: number, limit: number): number {
  if (index >= limit) return 0
  const code = codeAt(index)
  return code > 0xff ? 0 : HEX[code]
}

/** @returns whether digits hold a MAC, and `end` is the index after it */
function scan(codeAt: (index: number) => number, start: number, limit: number): boolean {
  let group = 0
  while (group <= 12 && digitAt(codeAt, start + group, limit) !== 0) group++
  if (group !== 2 && group !== 4 && group !== 6 && group !== 12) return false
  const separator = group === 12 || start + group >= limit ? 0 : codeAt(start + group)
  const isAllowed = separator === DASH || separator === DOT || (separator === COLON && group === 2)
  if (group !== 12 && !isAllowed) return false
  let index = start
  for (let found = 0; found < 12; found++) {
    if (found > 0 && found % group === 0) {
      if (index >= limit || codeAt(index) !== separator) return false
      index++
    }
    const digit = digitAt(codeAt, index++, limit)
    if (digit === 0) return false
    digits[found] = digit
  }
  end = index
  return digitAt(codeAt, index, limit) === 0
}

/** The index after the MAC that the last call has found. */
export function macEnd(): number {
  return end
}

let source = ''
let sourceBytes: Uint8Array = digits
const charAt = (index: number) => source.charCodeAt(index)
const byteAt = (index: number) => sourceBytes[index]

/** Whether text[start..limit) begins with a MAC; writeMac() then writes its digits. */
export function findMac(text: string, start: number, limit: number): boolean {
  source = text
  return scan(charAt, start, limit)
}

/** The same for UTF-8 bytes. */
export function findMacBytes(bytes: Uint8Array, start: number, limit: number): boolean {
  sourceBytes = bytes
  return scan(byteAt, start, limit)
}

/** Writes the 17 bytes of the last MAC found at `position`. */
export function writeMac(target: Uint8Array, position: number): void {
  for (let pair = 0; pair < 6; pair++) {
    if (pair > 0) target[position++] = DASH
    target[position++] = digits[pair * 2]
    target[position++] = digits[pair * 2 + 1]
  }
}

/** The normal form of a MAC, or the empty string. Not for the hot path. */
export function normalMac(text: string): string {
  if (!findMac(text, 0, text.length)) return ''
  const bytes = Buffer.alloc(17)
  writeMac(bytes, 0)
  return bytes.toString('latin1')
}
