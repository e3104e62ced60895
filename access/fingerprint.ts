import { createHmac } from 'node:crypto'

/**
 * Tells whether two processes have the same token key, without telling the key: one with another key would deny every user of a
 * fleet. 32 hexadecimal digits.
 */
export function secretFingerprint(secret: string): string {
  return createHmac('sha256', secret).update('gatepost: fingerprint of the token key').digest('hex').slice(0, 32)
}
