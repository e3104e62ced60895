import { createHmac } from 'node:crypto'

/**
 * A value that tells whether two processes have the same token key, without revealing the key: a process with another key would deny every
 * user of a fleet. 32 hexadecimal digits.
 */
export function secretFingerprint(secret: string): string {
  return createHmac('sha256', secret).update('gatepost: fingerprint of the token key').digest('hex').slice(0, 32)
}
