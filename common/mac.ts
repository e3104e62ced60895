/*
 * A value is read as a MAC only if it starts with one:
 *
 *  mac   = pair [sep] pair [sep] pair [sep] pair [sep] pair [sep] pair     six pairs, at most one separator between two
 *
 * group sep group sep group                                       three groups of four
 *  sep   = ":" / "-" / "."
 *
 * Anything after it is ignored. The normal form is 50-A6-7F-84-9C-D1.
 */

/** Upper-case ASCII code for each hex digit's code; 0: not a hex digit. */
const HEX = new Uint8Array(256)
for (const digit of '0123456789abcdefABCDEF') HEX[digit.charCodeAt(0)] = digit.toUpperCase().charCodeAt(0)

const COLON = 0x3a
const DASH = 0x2d
const DOT = 0x2e

function isSeparator(code: number): boolean {
  return code === COLON || code === DASH || code === DOT
}

/** The twelve digits found by the last scan. Valid until the next call. */
const digits = new Uint8Array(12)

/** One scan accepts both forms: a separator may follow an even number of digits, but never two in a row. */
function scan(codeAt: (index: number) => number, start: number, end: number): boolean {
  let found = 0
  let index = start
  while (index < end) {
    const digit = HEX[codeAt(index) & 0xff]
    if (digit === 0 || codeAt(index) > 0xff) return false
    digits[found++] = digit
    index++
    if (found === 12) return true
    if (found % 2 === 0 && index < end && isSeparator(codeAt(index))) index++
  }
  return false
}

let source = ''
let sourceBytes: Uint8Array = digits
const charAt = (index: number) => source.charCodeAt(index)
const byteAt = (index: number) => sourceBytes[index]

/** Whether text[start..end) begins with a MAC; writeMac() then writes its digits. */
export function findMac(text: string, start: number, end: number): boolean {
  source = text
  return scan(charAt, start, end)
}

/** The same for UTF-8 bytes. */
export function findMacBytes(bytes: Uint8Array, start: number, end: number): boolean {
  sourceBytes = bytes
  return scan(byteAt, start, end)
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
