import { randomBytes } from 'node:crypto'
import type { AccessLog } from './log.ts'
import { SUBJECTS } from './subjects.ts'

/*
 * Signs of life of the ingest workers, in the access-control log. That no gateway is heard of says something about gateways only
 * while somebody listens.
 */

/** How often each worker gives one. */
export const ALIVE_EVERY_MS = 60_000

/** Gives signs of life until the returned function is called. */
export function giveSignsOfLife(access: AccessLog, everyMs = ALIVE_EVERY_MS): () => void {
  const subject = SUBJECTS.liveness.of(randomBytes(8).toString('hex'))
  const give = () => {
    const now = Date.now()
    const entry = { verdict: 'allow', reason: '', until: now + 10 * everyMs, updatedAt: now } as const
    // While it cannot be written, nothing that gateways say is heard of by others either.
    access.put(subject, entry).catch(() => {})
  }
  give()
  const timer = setInterval(give, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
