const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]))

/** Encodes bytes as one base-62 number, left-padded with zeros to `characters`. PRECONDITION: `characters` are enough. */
export function encodeBase62(bytes: Buffer, characters: number): string {
  let number = BigInt(`0x${bytes.toString('hex')}`)
  let text = ''
  for (let index = 0; index < characters; index++) {
    text = DIGITS[Number(number % 62n)] + text
    number /= 62n
  }
  return text
}

/** Decodes the output of encodeBase62() into `bytes` bytes. Null: other characters, or the number needs more bytes. */
export function decodeBase62(text: string, bytes: number): Buffer | null {
  let number = 0n
  for (const digit of text) {
    const value = VALUES.get(digit)
    if (value === undefined) return null
    number = number * 62n + BigInt(value)
  }
  const hex = number.toString(16).padStart(2 * bytes, '0')
  return hex.length === 2 * bytes ? Buffer.from(hex, 'hex') : null
}
