import { repeat, type Repeated } from '../common/repeat.ts'
import type { Store } from '../store/contract.ts'
import { Lease } from '../store/lease.ts'

/** Work that one process of an installation does at a time, again and again. */
export interface LeasedWork {
  /** Whether there is anything to work with now; without it the lease is not taken. Missing: always. */
  ready?(): boolean
  /** One look, with the lease taken. */
  look(held: HeldLease): Promise<void>
  /** Nothing was done this time: it is not ready, or another process has the lease. */
  idle?(): void
  /** look() has failed, or the lease could not be asked for. It is tried again. */
  failed(error: unknown): void
}

/** The lease during one look. */
export interface HeldLease {
  /** Whether to stop early. */
  readonly stopped: () => boolean
  /** Takes it for longer, if it was taken this long ago. @throws Error: another process has taken over */
  keep(takenAgoMs: number): Promise<void>
}

export interface LeaseOptions {
  readonly store: Pick<Store, 'query' | 'command'>
  /** Of the work, the same in every process. */
  readonly name: string
  /** The lease ends by itself after this, should its owner die; no statement of the work may take longer. */
  readonly leaseMs: number
  /** Between two looks. */
  readonly everyMs: number
  /** For tests, see Lease. */
  readonly settleMs?: number | undefined
}

/** Runs `work` until it is stopped; the lease is given back then. */
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
