import { randomBytes } from 'node:crypto'
import type { AccessLog } from './log.ts'
import { SUBJECTS } from './subjects.ts'

/*
 * Ingest workers report in the access log that they are alive. Without a listening worker, missing heartbeats say nothing about gateways.
 */

/** How often each worker reports. */
export const LIVENESS_EVERY_MS = 60_000

/** Reports until the returned function is called. */
export function reportLiveness(access: AccessLog, everyMs = LIVENESS_EVERY_MS): () => void {
  const subject = SUBJECTS.liveness.of(randomBytes(8).toString('hex'))
  const give = () => {
    const now = Date.now()
    const entry = { verdict: 'allow', reason: '', until: now + 10 * everyMs, updatedAt: now } as const
    // While the log cannot be written, heartbeats of gateways cannot be recorded either.
    access.put(subject, entry).catch(() => {})
  }
  give()
  const timer = setInterval(give, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
