import { FailureLimiter } from '../../common/failure-limiter.ts'
import type { Attempt } from './method.ts'

const MINUTES = 60_000

/** Groups attempts by client: the clients of a gateway often share its address, so the MAC distinguishes them. */
export function clientKey({ remoteIp, redirect }: Attempt): string {
  return `${remoteIp} ${redirect.mac}`
}

/** Failures of each client, and of each account. */
export interface ClientLimits {
  allows(client: string, account: string, now: number): boolean
  failed(client: string, account: string, now: number): void
}

/**
 * Ten failures per client and thirty per account, in ten minutes. Inventing MACs avoids the first limit, but what can be guessed then does
 * not depend on it: vouchers have 60 bits, and an account's password has its own limit.
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
