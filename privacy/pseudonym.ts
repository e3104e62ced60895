import { hkdfSync } from 'node:crypto'

/** The two halves of a key of SipHash, as parameters of a query. */
export interface PseudonymKey {
  readonly key0: string
  readonly key1: string
}

/** Of GATEPOST_PSEUDONYM_SECRET. Another secret makes everybody somebody else. */
export function pseudonymKey(secret: string): PseudonymKey {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'gatepost: pseudonyms', 16))
  return { key0: key.readBigUInt64LE(0).toString(), key1: key.readBigUInt64LE(8).toString() }
}

/** SQL: the pseudonym of what `expression` is, 32 hexadecimal digits; nothing stays nothing. Takes a PseudonymKey. */
export function pseudonymOf(expression: string): string {
  return `if(${expression} = '', '', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), ${expression}))))`
}
