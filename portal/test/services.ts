import type { AccessLog } from '../../access/log.ts'

/** An entry of the access log of which only the data matters. */
export function put(access: AccessLog, subject: string, data: Record<string, unknown>): Promise<void> {
  return access.put(subject, { verdict: 'allow', reason: '', until: null, updatedAt: Date.now(), data })
}

export function deny(access: AccessLog, subject: string, reason: string): Promise<void> {
  return access.put(subject, { verdict: 'deny', reason, until: null, updatedAt: Date.now() })
}

/** The registration of a gateway. */
export function register(access: AccessLog, gwId: string, address: string, routed = false): Promise<void> {
  return put(access, `registration:${gwId}`, { address, routed })
}
