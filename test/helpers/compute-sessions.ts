import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Logger } from '../../common/logger.ts'
import { startSessionsJob, type SessionsJobOptions } from '../../jobs/sessions/sessions-job.ts'

/** Runs the job of sessions once over what is in the tables. */
export async function computeSessions(t: Test, store: SessionsJobOptions['store'], logger: Logger): Promise<void> {
  const job = startSessionsJob({
    store,
    timeoutIntervals: 1000,
    rawDays: 32,
    logger,
    everyMs: 50,
    leaseSettleMs: 20,
  })
  while (job.stats.computedUntil === 0 && job.stats.failures === 0) await sleep(20)
  await job.stop()
  t.equal(job.stats.failures, 0)
}
