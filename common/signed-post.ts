import { createHmac } from 'node:crypto'

/*
 * How Gatepost signs requests to an operator's own service:
 *
 *  X-Gatepost-Timestamp: <seconds since the epoch>
 *  X-Gatepost-Signature: sha256=<hex HMAC-SHA-256 of timestamp "." body, keyed with the service's secret>
 */

/** Headers of a JSON body. @param now ms since the epoch */
export function signedHeaders(secret: string, body: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000))
  return {
    'Content-Type': 'application/json',
    'X-Gatepost-Timestamp': timestamp,
    'X-Gatepost-Signature': bodySignature(secret, timestamp, body),
  }
}

/** The value of X-Gatepost-Signature. */
export function bodySignature(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}
