import { readFileSync } from 'node:fs'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { packageFile } from '../../common/package-root.ts'
import type { Store } from '../../store/contract.ts'
import { repeatUnderLease } from '../under-lease.ts'

/*
 * Keeps table radius_nas_facts current: how often the sessions of each NAS send interim updates, by which the view radius_sessions decides
 * that a session is silent. All else that the view needs is kept by materialized views.
 */

export interface NasJobOptions {
  readonly store: Pick<Store, 'query' | 'command'>
  readonly logger: Logger
  /** For tests: interval, default a minute. */
  readonly everyMs?: number
  readonly leaseSettleMs?: number
}

export interface NasJobStats {
  /** Completed runs. */
  looks: number
  failures: number
}

export interface NasJob {
  /** Live counters. */
  readonly stats: NasJobStats
  stop(): Promise<void>
}

const EVERY_MS = 60_000
const LEASE_MS = 120_000
const STATEMENT_SECONDS = 45

const KEEP_NAS =
  'INSERT INTO gatepost.radius_nas_facts (nas, interval_seconds)\n' +
  readFileSync(packageFile('jobs/sessions/sql/keep-nas.sql'), 'utf8').trimEnd()

export function startNasJob({ store, logger, everyMs = EVERY_MS, leaseSettleMs: settleMs }: NasJobOptions): NasJob {
  const stats: NasJobStats = { looks: 0, failures: 0 }
  const repeated = repeatUnderLease(
    { store, name: 'radius_nas', leaseMs: LEASE_MS, everyMs, settleMs },
    {
      async look() {
        await store.command(`${KEEP_NAS}\nSETTINGS max_execution_time = ${STATEMENT_SECONDS}`)
        stats.looks++
      },
      failed(error) {
        stats.failures++
        logger.warn(
          { event: 'sessions.intervals_failed', error: messageOf(error) },
          'sessions: cannot learn the intervals of interim updates; retrying',
        )
      },
    },
  )
  return { stats, stop: () => repeated.stop() }
}
