import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Limit } from '../../access/limits.ts'
import type { AccessLog } from '../../access/log.ts'
import { VOUCHER_QUOTA } from '../../access/quota.ts'
import type { Store } from '../../store/contract.ts'
import { repeatUnderLease, type HeldLease, type LeasedWork } from '../under-lease.ts'
import { LimitQuotas } from './limit-quotas.ts'
import { AccessMirror } from './mirror.ts'
import { applyPolicy, type Policy, type PolicyOutcome } from './policy.ts'
import { SignUps } from './sign-ups.ts'
import { applyVoucherQuotas } from './voucher-quotas.ts'

/*
 * Keeps the access log and the tables in sync: copies decisions to table access_decisions and confirmed sign-ups to table accounts, and
 * turns exceeded quotas into denials. Runs in one process of an installation at a time.
 */

export interface AccessJobOptions {
  readonly store: Pick<Store, 'query' | 'command'>
  readonly access: AccessLog
  readonly policies: readonly Policy[]
  /** Unset: none. */
  readonly limits?: readonly Limit[]
  readonly logger: Logger
  /** For tests: interval, default 2 s. */
  readonly everyMs?: number
  readonly leaseSettleMs?: number
}

/** Something that turns usage into denials. */
interface Evaluation {
  readonly name: string
  run(now: number): Promise<PolicyOutcome>
}

export interface PolicyStats {
  denied: number
  failures: number
  /** Evaluations that did not consider all subjects. */
  overflows: number
  /** Duration of the latest evaluation. */
  seconds: number
}

export interface AccessJobStats {
  /** Completed runs. */
  looks: number
  failures: number
  /** Decisions not yet in the table. */
  waiting: number
  readonly policies: ReadonlyMap<string, PolicyStats>
}

export interface AccessJob {
  /** Live counters. */
  readonly stats: AccessJobStats
  /** Waits for the current step. */
  stop(): Promise<void>
}

/** The name of their evaluation. No policy has it. */
const LIMIT_QUOTAS = 'Limits'
const EVERY_MS = 2000
const LEASE_MS = 60_000
const POLICY_EVERY_MS = 5000
const DECIDED_EVERY_MS = 5000
/** Evaluating policies takes at most a fifth of the time. */
const POLICY_REST = 4

export function startAccessJob(options: AccessJobOptions): AccessJob {
  const { store, leaseSettleMs: settleMs, everyMs = EVERY_MS } = options
  const work = new AccessWork(options)
  const repeated = repeatUnderLease({ store, name: 'access', leaseMs: LEASE_MS, everyMs, settleMs }, work)
  return { stats: work.stats, stop: () => repeated.stop() }
}

class AccessWork implements LeasedWork {
  readonly stats: AccessJobStats
  readonly #options: AccessJobOptions
  readonly #evaluations: readonly Evaluation[]
  readonly #mirror: AccessMirror
  readonly #signUps: SignUps
  readonly #policyStats: Map<string, PolicyStats>
  /** Earliest next evaluation by policy, by performance.now(). */
  readonly #dueAt = new Map<string, number>()
  #compared = false
  /** When it was last said up to when decisions are in the table, by performance.now(). */
  #decidedAt = -Infinity

  constructor(options: AccessJobOptions) {
    const { store, access, policies, limits = [] } = options
    const limitQuotas = new LimitQuotas(limits)
    this.#options = options
    this.#mirror = new AccessMirror(store, access)
    this.#signUps = new SignUps(store, access)
    this.#evaluations = [
      ...policies.map((policy) => ({
        name: policy.name,
        run: (now: number) => applyPolicy(policy, store, access, now),
      })),
      ...(limitQuotas.any ? [{ name: LIMIT_QUOTAS, run: (now: number) => limitQuotas.apply(store, access, now) }] : []),
      { name: VOUCHER_QUOTA, run: (now) => applyVoucherQuotas(store, access, now) },
    ]
    this.#policyStats = new Map(
      this.#evaluations.map(({ name }) => [name, { denied: 0, failures: 0, overflows: 0, seconds: 0 }]),
    )
    const mirror = this.#mirror
    this.stats = {
      looks: 0,
      failures: 0,
      get waiting() {
        return mirror.waiting
      },
      policies: this.#policyStats,
    }
  }

  /** Before the log has been read to its end, a decision that is not known yet would look like a removed one. */
  ready(): boolean {
    return this.#options.access.known
  }

  idle(): void {
    this.#compared = false
    this.#mirror.idle()
  }

  failed(error: unknown): void {
    this.stats.failures++
    this.#options.logger.warn(
      { event: 'access_mirror.copy_failed', error: messageOf(error) },
      'access mirror: cannot copy decisions to table access_control; retrying',
    )
  }

  async look({ stopped }: HeldLease): Promise<void> {
    if (!this.#compared) {
      await this.#mirror.compare(stopped)
      this.#compared = !stopped()
    }
    const started = performance.now()
    await this.#mirror.write(stopped)
    if (!stopped() && started - this.#decidedAt > DECIDED_EVERY_MS) {
      await this.#keepDecidedUntil(started)
      this.#decidedAt = started
    }
    for (const evaluation of this.#evaluations) {
      const due = this.#dueAt.get(evaluation.name) ?? -Infinity
      if (!stopped() && performance.now() >= due) await this.#apply(evaluation)
    }
    await this.#mirror.write(stopped)
    await this.#signUps.write(stopped)
    this.stats.looks++
  }

  /** Sessions that were denied look for the reason again in what came late (jobs/sessions). The time is the store's, as that of their reports. */
  async #keepDecidedUntil(started: number): Promise<void> {
    await this.#options.store.command(
      `INSERT INTO gatepost.session_settings (name, value)
       SELECT 'decided_until', toUInt64(toUnixTimestamp64Milli(now64(3)) - {took:UInt32})`,
      { took: Math.ceil(performance.now() - started) },
    )
  }

  async #apply(policy: Evaluation): Promise<void> {
    const { logger } = this.#options
    const stats = this.#policyStats.get(policy.name) as PolicyStats
    const started = performance.now()
    try {
      const { denied, overflow } = await policy.run(Date.now())
      stats.denied += denied
      if (overflow) stats.overflows++
      if (denied > 0)
        logger.info(
          { event: 'policies.denied', policy: policy.name, denied },
          'policies: denied subjects that exceeded the limit',
        )
    } catch (error) {
      stats.failures++
      logger.error(
        { event: 'policies.evaluation_failed', policy: policy.name, error: messageOf(error) },
        'policies: cannot evaluate the policy; retrying',
      )
    }
    const took = performance.now() - started
    stats.seconds = took / 1000
    this.#dueAt.set(policy.name, started + Math.max(POLICY_EVERY_MS, took * (1 + POLICY_REST)))
  }
}
