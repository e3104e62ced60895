import { hkdfSync } from 'node:crypto'

/** The two halves of a SipHash key, as query parameters. */
export interface PseudonymKey {
  readonly key0: string
  readonly key1: string
}

/** Derived from GATEPOST_PSEUDONYM_SECRET. With another secret everybody gets another pseudonym. */
export function pseudonymKey(secret: string): PseudonymKey {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'gatepost: pseudonyms', 16))
  return { key0: key.readBigUInt64LE(0).toString(), key1: key.readBigUInt64LE(8).toString() }
}

/** SQL for the pseudonym of an expression, 32 hexadecimal digits; an empty value stays empty. Needs a PseudonymKey as parameters. */
export function pseudonymOf(expression: string): string {
  return `if(${expression} = '', '', lower(hex(sipHash128Keyed(({key0:UInt64}, {key1:UInt64}), ${expression}))))`
}
