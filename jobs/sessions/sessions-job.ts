import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { sqlTime } from '../../common/sql-time.ts'
import type { Store } from '../../store/contract.ts'
import { repeatUnderLease, type HeldLease, type LeasedWork } from '../under-lease.ts'
import {
  COMPUTE_HOUR,
  FOUND,
  KEEP_GATEWAYS,
  KEEP_LOGINS,
  KEEP_REASONS,
  KEEP_RIVALS,
  LATER_HOURS,
} from './statements.ts'

/*
 * Keeps the tables of the view `sessions` current. State that is affected by new reports is recomputed from the raw rows and replaced, so
 * that doing it twice, or too often, changes nothing. Runs in one process of an installation at a time, so that rows are replaced in order.
 */

export interface SessionsJobOptions {
  readonly store: Pick<Store, 'query' | 'command'>
  /** GATEPOST_SESSION_TIMEOUT_INTERVALS */
  readonly timeoutIntervals: number
  /** Retention of gateway_auth in days. */
  readonly rawDays: number
  readonly logger: Logger
  /** For tests: interval, default 5 s, how far to look back after a start, default 15 minutes, and interval for gateways, default a minute. */
  readonly everyMs?: number
  readonly lookBackMs?: number
  readonly gatewaysEveryMs?: number
  readonly leaseSettleMs?: number
}

export interface SessionsJobStats {
  /** Session hours computed since the start, counting recomputed ones again. */
  computed: number
  failures: number
  /** Everything before this time is computed, ms since the epoch; 0: not known yet. */
  computedUntil: number
}

export interface SessionsJob {
  /** Live counters. */
  readonly stats: SessionsJobStats
  /** Waits for the current step. */
  stop(): Promise<void>
}

const EVERY_MS = 5000
const LEASE_MS = 60_000
/** The lease must not expire during a statement: it is renewed when it is older than this, and statements are shorter than the rest. */
const RENEW_AFTER_MS = 10_000
const STATEMENT_SECONDS = 45
const GATEWAYS_EVERY_MS = 60_000
const BEGINNING = '1970-01-01 00:00:00'
/** A touch carries the time at which its insert began, and becomes visible when it ends. */
const OVERLAP_MS = 15_000
/** Occasionally, and after a start, look back as far as an insert could have taken. */
const LONG_OVERLAP_MS = 15 * 60_000
const LONG_EVERY_MS = 10 * 60_000
/** Sessions per statement. Halved after a failure, since there may have been too many for the time limit. */
const SESSIONS_PER_STATEMENT = 20_000
const SESSIONS_AT_LEAST = 500

/** How far tables are, ms since the epoch; 0: not known. */
interface Progress {
  readonly now: number
  /** Everything that came before is computed. */
  readonly until: number
  /** Everything that was decided before is in table access_decisions (jobs/policies). */
  readonly decided: number
  /** The value of `decided` with which the reasons of denials were last looked for. */
  readonly explained: number
}

/** Starts with what was missed while nobody computed. */
export function startSessionsJob(options: SessionsJobOptions): SessionsJob {
  const { store, leaseSettleMs: settleMs, everyMs = EVERY_MS } = options
  const work = new SessionWork(options)
  const repeated = repeatUnderLease({ store, name: 'sessions', leaseMs: LEASE_MS, everyMs, settleMs }, work)
  return { stats: work.stats, stop: () => repeated.stop() }
}

class SessionWork implements LeasedWork {
  readonly stats: SessionsJobStats = { computed: 0, failures: 0, computedUntil: 0 }
  readonly #options: SessionsJobOptions
  #held: HeldLease = { stopped: () => false, keep: () => Promise.resolve() }
  #longAt = -Infinity
  #gatewaysAt = -Infinity
  /** The earliest hour computed since the gateways were last computed; null: none. */
  #earliest: string | null = BEGINNING
  #settingsKept = false
  #sessionsPerStatement = SESSIONS_PER_STATEMENT

  constructor(options: SessionsJobOptions) {
    this.#options = options
  }

  async look(held: HeldLease): Promise<void> {
    this.#held = held
    await this.#run()
    this.#sessionsPerStatement = Math.min(SESSIONS_PER_STATEMENT, this.#sessionsPerStatement * 2)
  }

  idle(): void {
    // Another process may compute meanwhile, so start from the beginning next time.
    this.#earliest = BEGINNING
  }

  failed(error: unknown): void {
    this.stats.failures++
    this.#sessionsPerStatement = Math.max(SESSIONS_AT_LEAST, Math.floor(this.#sessionsPerStatement / 2))
    this.#options.logger.warn(
      { event: 'sessions.computation_failed', error: messageOf(error) },
      'sessions: cannot compute sessions; retrying',
    )
  }

  async #run(): Promise<void> {
    const { store } = this.#options
    if (!this.#settingsKept) {
      await this.#keepSetting('timeout_intervals', this.#options.timeoutIntervals)
      this.#settingsKept = true
    }
    const started = performance.now()
    const [{ now, until, decided, explained: before }] = await store.query<Progress>(
      `SELECT toFloat64(toUnixTimestamp64Milli(now64(3))) AS now, toFloat64(maxIf(value, name = 'computed_until')) AS until,
         toFloat64(maxIf(value, name = 'decided_until')) AS decided, toFloat64(maxIf(value, name = 'explained_until')) AS explained
       FROM gatepost.session_settings FINAL`,
    )
    const explained = before > 0 ? before : until
    const long = started - this.#longAt > LONG_EVERY_MS
    // Sessions that were denied before the table had the decisions are computed once more when it has them.
    const isLate = decided > explained
    const overlap = long ? (this.#options.lookBackMs ?? LONG_OVERLAP_MS) : OVERLAP_MS
    const from = Math.min(until - overlap, isLate ? explained - OVERLAP_MS : Infinity)
    await this.#compute(Math.max(0, from), now)
    if (started - this.#gatewaysAt > (this.#options.gatewaysEveryMs ?? GATEWAYS_EVERY_MS)) {
      await this.#command(KEEP_GATEWAYS, { since: this.#earliest ?? sqlTime(now) })
      this.#earliest = null
      this.#gatewaysAt = started
    }
    if (this.#held.stopped()) return
    await this.#keepSetting('computed_until', now)
    const next = Math.max(explained, decided)
    if (next !== before) await this.#keepSetting('explained_until', next)
    this.stats.computedUntil = now
    if (long) this.#longAt = started
  }

  async #compute(from: number, to: number): Promise<void> {
    const { store, rawDays } = this.#options
    const range = { from: sqlTime(from), to: sqlTime(to) }
    // What is left of an expiring hour would replace the result of the complete hour, which may be kept longer.
    const hours = await store.query<{ hour: string; sessions: number }>(
      `SELECT toString(hour) AS hour, toUInt32(uniqExact(session_id)) AS sessions FROM gatepost.session_touches AS touches
       WHERE bucket >= toStartOfFiveMinutes({from:DateTime64(3, 'UTC')}) AND touched_at >= {from:DateTime64(3, 'UTC')}
         AND touched_at < {to:DateTime64(3, 'UTC')} AND touches.hour > now('UTC') - toIntervalDay({rawDays:UInt32})
       GROUP BY hour ORDER BY hour`,
      { ...range, rawDays },
    )
    const earliest = hours.at(0)?.hour ?? null
    if (earliest !== null && (this.#earliest === null || earliest < this.#earliest)) this.#earliest = earliest
    for (const { hour: touchedHour, sessions } of hours) {
      const parts = Math.ceil(sessions / this.#sessionsPerStatement)
      for (let part = 0; part < parts && !this.#held.stopped(); part++) {
        const touched = { ...range, touchedHour, parts, part }
        await this.#computeHour({ ...touched, hour: touchedHour })
        for (const { later } of await store.query<{ later: string }>(LATER_HOURS, touched)) {
          await this.#computeHour({ ...touched, hour: later })
        }
      }
      this.stats.computed += sessions
    }
  }

  async #computeHour(parameters: Record<string, string | number>): Promise<void> {
    await this.#command(COMPUTE_HOUR, parameters)
    // The engine takes longer to analyse the statements below than to run them.
    const [found] = await this.#options.store.query<{ logins: number; denials: number }>(FOUND, parameters)
    if (found.logins === 1) for (const keep of [KEEP_LOGINS, KEEP_RIVALS]) await this.#command(keep, parameters)
    if (found.denials === 1) await this.#command(KEEP_REASONS, parameters)
  }

  async #command(statement: string, parameters: Record<string, string | number> = {}): Promise<void> {
    await this.#held.keep(RENEW_AFTER_MS)
    await this.#options.store.command(`${statement}\nSETTINGS max_execution_time = ${STATEMENT_SECONDS}`, parameters)
  }

  async #keepSetting(name: string, value: number): Promise<void> {
    await this.#options.store.command(
      'INSERT INTO gatepost.session_settings (name, value) SELECT {name:String}, {value:UInt64}',
      { name, value },
    )
  }
}
