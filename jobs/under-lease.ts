import { repeat, type Repeated } from '../common/repeat.ts'
import type { Store } from '../store/contract.ts'
import { Lease } from '../store/lease.ts'

/** A job that runs repeatedly, in one process of an installation at a time. */
export interface LeasedWork {
  /** Whether the job can run now; if not, the lease is not taken. Missing: always. */
  ready?(): boolean
  /** One run, with the lease held. */
  look(held: HeldLease): Promise<void>
  /** Called when nothing was done: the job is not ready, or another process has the lease. */
  idle?(): void
  /** Called when look() failed or the lease could not be requested. It is retried. */
  failed(error: unknown): void
}

/** The lease during one run. */
export interface HeldLease {
  /** Whether to stop early. */
  readonly stopped: () => boolean
  /** Renews the lease if it was taken this long ago. @throws Error: another process holds it now */
  keep(takenAgoMs: number): Promise<void>
}

export interface LeaseOptions {
  readonly store: Pick<Store, 'query' | 'command'>
  /** Name of the job, the same in every process. */
  readonly name: string
  /** The lease expires after this time if its owner dies; statements of the job must be shorter. */
  readonly leaseMs: number
  /** Interval between runs. */
  readonly everyMs: number
  /** For tests, see Lease. */
  readonly settleMs?: number | undefined
}

/** Runs the job until it is stopped, then releases the lease. */
export function repeatUnderLease(options: LeaseOptions, work: LeasedWork): Repeated {
  const lease = new Lease(options.store, options.name, options.settleMs, options.leaseMs)
  let takenAt = -Infinity
  const take = async (): Promise<boolean> => {
    const at = performance.now()
    if (!(await lease.take())) return false
    takenAt = at
    return true
  }
  const keep = async (takenAgoMs: number): Promise<void> => {
    if (performance.now() - takenAt > takenAgoMs && !(await take()))
      throw new Error('another process holds the lease now')
  }
  const repeated = repeat(async (stopped) => {
    try {
      if ((work.ready?.() ?? true) && (await take())) await work.look({ stopped, keep })
      else work.idle?.()
    } catch (error) {
      work.failed(error)
    }
    return options.everyMs
  })
  return {
    stop: async () => {
      await repeated.stop()
      await lease.release().catch(() => {})
    },
  }
}
