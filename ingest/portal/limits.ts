import { FailureLimiter } from '../../common/failure-limiter.ts'
import type { Attempt } from './method.ts'

const MINUTES = 60_000

/** Whose attempts count together: clients of one gateway often share its address, so the MAC tells them apart. */
export function clientKey({ remoteIp, redirect }: Attempt): string {
  return `${remoteIp} ${redirect.mac}`
}

/** Failures of a client, of an account at one address, and of an account as a whole. */
export interface ClientLimits {
  allows(client: string, account: string, now: number): boolean
  failed(client: string, account: string, now: number): void
}

/**
 * Ten failures of a client in ten minutes, and thirty of an account. Whoever invents MACs gets around the first: what is guessed then
 * (vouchers of 60 bits, the password of an account, which has a limit of its own) does not depend on it.
 */
export function clientLimiter(): ClientLimits {
  const clients = new FailureLimiter(10, 10 * MINUTES)
  const accounts = new FailureLimiter(30, 10 * MINUTES)
  return {
    allows: (client, account, now) => clients.allows(client, now) && (account === '' || accounts.allows(account, now)),
    failed(client, account, now) {
      clients.failed(client, now)
      if (account !== '') accounts.failed(account, now)
    },
  }
}
