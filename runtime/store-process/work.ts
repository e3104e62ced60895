import { setTimeout as sleep } from 'node:timers/promises'
import { startAccessJob } from '../../jobs/policies/access-job.ts'
import { startDisconnectJob } from '../../jobs/disconnects/disconnect-job.ts'
import { assertNobodyErased } from '../../aggregator/aggregator.ts'
import { startAlerts, type Alerts } from '../../jobs/alerts/alerts.ts'
import { Listening } from '../../jobs/alerts/listening.ts'
import {
  accessJobMetrics,
  alertsJobMetrics,
  disconnectJobMetrics,
  nasJobMetrics,
  sessionsJobMetrics,
} from '../../jobs/metrics.ts'
import { startNasJob } from '../../jobs/sessions/nas-job.ts'
import { startSessionsJob } from '../../jobs/sessions/sessions-job.ts'
import { GatepostError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { Certificate } from '../../common/certificate.ts'
import { PlainMetrics } from '../../common/metrics.ts'
import { pseudonymKey } from '../../privacy/pseudonym.ts'
import type { AccessLog } from '../../access/log.ts'
import { startHistory } from '../../reporter/login-history/schedule.ts'
import { startLocations } from '../../reporter/locations/schedule.ts'
import {
  historyMetrics,
  locationMetrics,
  publishMetrics,
  scheduleMetrics,
  stateMetrics,
} from '../../reporter/metrics.ts'
import { publishersOf } from '../../reporter/publish/publishers.ts'
import { startPublishing, type PublishSchedule } from '../../reporter/publish/schedule.ts'
import { startStateSchedule } from '../../reporter/state-schedule.ts'
import { startSchedule } from '../../reporter/metrics/schedule.ts'
import type { TableStore } from '../../store/table-store.ts'
import type { Store } from '../../store/contract.ts'
import type { Retention } from '../../store/retention.ts'
import { Availability } from './availability.ts'
import type { Supervisor } from '../child.ts'
import { storeLetter } from '../replay/store-letter.ts'
import { cutOff } from './cut-off.ts'
import { voucherDesk } from './voucher-desk.ts'
import { forgetterOf } from './forgetter.ts'
import type { AlertsStart, DashboardStart, ReportsStart, StoreStart } from '../messages.ts'
import { openAccess } from '../open-access.ts'
import { decideUserNames, publishUserNames } from './user-names.ts'
import { openStore, type OpenedStore } from './open-store.ts'
import { AggregatorRunner } from './aggregator-runner.ts'

/** Part of the time for stopping is reserved for closing the store. */
const DRAIN_SHARE = 0.8
/** Leaving a consumer group takes time. It takes precedence over storing, since the group's other members read what is left in Kafka. */
const LEAVE_MS = 3000
/** Time for an aggregator with others in its group to store what it has read; they read the rest. */
const OWN_DRAIN_MS = 5000
/** Background queries that do not end in this time are abandoned. */
const BACKGROUND_STOP_MS = 1000

/** Work that runs on a schedule; an interrupted run is repeated at the next start. */
interface Background {
  stop(): Promise<void>
  metrics(): PlainMetrics | null
  /** Reads again what may change while it runs. */
  reload?(): void
}

interface Parts {
  readonly storeKind: StoreStart['store']['kind']
  readonly drains: StoreStart['drains']
  /** Other processes may read the log too. */
  readonly shared: boolean
  readonly opened: OpenedStore
  readonly runner: AggregatorRunner | null
  readonly access: AccessLog | null
  readonly background: readonly Background[]
  readonly availability: Availability
}

/**
 * The work of a process with the store: runs the aggregator and the jobs (sessions, policies, disconnects, alerts); computes and shows metrics; or both.
 */
export class StoreWork {
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Resolves when the tables are migrated and the log is being read.
   * @throws GatepostError of the store or the log
   */
  static async start(start: StoreStart, supervisor: Supervisor, logger: Logger): Promise<StoreWork> {
    const { retention, log, tokenKeys, waitsForLog, drains } = start
    const opened = await openStore(start.store, retention, (reason) => supervisor.hangs(reason), logger)
    const { store } = opened
    const userNames = await decideUserNames(store, start.userNames, logger)
    if (log !== null && tokenKeys.length === 0) await assertNobodyErased(store)
    const storeKind = start.store.kind
    const runner =
      log === null
        ? null
        : await AggregatorRunner.start({ log, store, storeKind, retention, tokenKeys, waitsForLog, logger })
    const access = start.access === null ? null : await openAccess(start.access, logger)
    if (log !== null && access !== null) publishUserNames(access, userNames, logger)
    const background = [
      ...(log === null ? [] : startJobs(start, store, access, runner, logger)),
      ...(start.reports === null ? [] : reports(start.reports, store, retention, logger)),
    ]
    if (start.dashboard !== null) {
      background.push(await openDashboard(start.dashboard, start, { supervisor, store, runner, logger }))
    }
    const availability = new Availability(store, (available) => supervisor.available(available))
    return new StoreWork({
      storeKind,
      drains,
      shared: log?.kind === 'kafka',
      opened,
      runner,
      access,
      background,
      availability,
    })
  }

  /**
   * PRECONDITION (journal): the ingest workers have sealed their segments, so everything is readable.
   * @throws Error: something is left that only the next start can store
   */
  async drain(withinMs: number): Promise<void> {
    const { drains, shared, opened, runner, access, background, availability } = this.#parts
    const readMs = Math.min(withinMs * DRAIN_SHARE, shared ? Math.max(0, withinMs - LEAVE_MS) : Infinity)
    availability.stop()
    const [left] = await Promise.all([
      drains === 'all' ? runner?.stop(readMs, true) : runner?.stop(Math.min(readMs, OWN_DRAIN_MS), false),
      Promise.race([
        Promise.all(background.map((each) => each.stop())),
        sleep(BACKGROUND_STOP_MS, undefined, { ref: false }),
      ]),
    ])
    await Promise.all([opened.close(), runner?.close(), access?.close()])
    if (left !== undefined && left > 0)
      throw new Error(`the time to drain is over: ${left} bytes are left in the journal for the next start`)
  }

  reload(): void {
    for (const each of this.#parts.background) each.reload?.()
  }

  /** A server that does not answer is an outage, which a restart does not end; an engine in this process has to be replaced with it. */
  get isAlive(): boolean {
    const { storeKind, availability } = this.#parts
    return storeKind === 'server' || availability.answers
  }

  async metrics(): Promise<object[]> {
    const { opened, runner, background } = this.#parts
    const all = await Promise.all([
      opened.metrics(),
      runner?.metrics() ?? [],
      ...background.map((each) => each.metrics()?.json() ?? []),
    ])
    return all.flat()
  }
}

/** Jobs that derive state from the stored records. */
function startJobs(
  start: StoreStart,
  store: Store,
  access: AccessLog | null,
  runner: AggregatorRunner | null,
  logger: Logger,
): Background[] {
  const sessions = startSessionsJob({
    store,
    timeoutIntervals: start.sessionTimeoutIntervals,
    rawDays: start.retention.gateway_auth,
    logger,
  })
  const nas = startNasJob({ store, logger })
  const all = [
    { stop: () => sessions.stop(), metrics: () => sessionsJobMetrics(sessions.stats) },
    { stop: () => nas.stop(), metrics: () => nasJobMetrics(nas.stats) },
  ]
  if (access === null) return all
  const decisions = startAccessJob({ store, access, policies: start.policies, limits: start.limits, logger })
  all.push({ stop: () => decisions.stop(), metrics: () => accessJobMetrics(decisions.stats) })
  if (start.nasClients.length > 0) {
    const disconnects = startDisconnectJob({ store, access, clients: start.nasClients, logger })
    all.push({ stop: () => disconnects.stop(), metrics: () => disconnectJobMetrics(disconnects.stats) })
  }
  if (start.alerts === null || runner === null) return all
  const alerts = startAlerting(start.alerts, store, access, runner, logger)
  all.push({ stop: () => alerts.stop(), metrics: () => alertsJobMetrics(alerts.stats) })
  return all
}

function startAlerting(
  { url, secret }: AlertsStart,
  store: Store,
  access: AccessLog,
  runner: AggregatorRunner,
  logger: Logger,
): Alerts {
  const listening = new Listening(access, (now) => runner.isLagging('gateway_pings', now))
  return startAlerts({ store, url, secret, listeningSince: (now) => listening.since(now), logger })
}

/** Metrics, imports and publications on a schedule. */
function reports(options: ReportsStart, store: TableStore, retention: Retention, logger: Logger): Background[] {
  const schedule = startSchedule({ store, retention, logger })
  const all: Background[] = [{ stop: () => schedule.stop(), metrics: () => scheduleMetrics(schedule.stats) }]
  const states = startStateSchedule({ store, logger })
  all.push({ stop: () => states.stop(), metrics: () => stateMetrics(states.stats) })
  const publishing = startPublishers(options, store, retention, logger)
  if (publishing !== null) all.push({ stop: () => publishing.stop(), metrics: () => publishMetrics(publishing.stats) })
  if (options.locations !== null) {
    const locations = startLocations({ store, ...options.locations, logger })
    all.push({ stop: () => locations.stop(), metrics: () => locationMetrics(locations.stats) })
  }
  if (options.history !== null) {
    const history = startHistory({ store, ...options.history, identifiedDays: retention.login_calendar, logger })
    all.push({ stop: () => history.stop(), metrics: () => historyMetrics(history.stats) })
  }
  return all
}

/** Null: no publisher is configured. */
function startPublishers(
  { publishers, publishAtMinute }: ReportsStart,
  store: TableStore,
  retention: Retention,
  logger: Logger,
): PublishSchedule | null {
  if (publishers.publish.length === 0) return null
  const print = (line: string) => process.stdout.write(`${line}\n`)
  return startPublishing({
    store,
    publishers: publishersOf(publishers, print),
    atMinute: publishAtMinute,
    retention,
    logger,
  })
}

interface Shown {
  readonly supervisor: Supervisor
  readonly store: Store
  readonly runner: AggregatorRunner | null
  readonly logger: Logger
}

async function openDashboard(
  { access, dataDir, certificateFiles, ...address }: DashboardStart,
  { store: description, retention, tokenKeys, reports }: StoreStart,
  { supervisor, store, runner, logger }: Shown,
): Promise<Background> {
  // Load the web framework only when a dashboard is served: an aggregator does not need it.
  const { startDashboard } = await import('../../reporter/dashboard/server.ts')
  const history = reports?.history ?? null
  const pseudonyms = history === null ? null : pseudonymKey(history.secret)
  const certificate = certificateFiles === null ? null : new Certificate(certificateFiles, logger)
  const dashboard = await startDashboard({
    ...address,
    certificate,
    store,
    retention,
    lag: runner === null ? null : () => runner.lag(),
    refused: () => supervisor.refused(),
    cutOff: access === null ? null : cutOff(access, logger),
    vouchers: access === null || tokenKeys.length === 0 ? null : voucherDesk(access, tokenKeys[0], logger),
    replayLetter: (letter, payload) =>
      storeLetter(store, letter, payload, { retention, keys: () => requireKeys(tokenKeys) }),
    forgetter: forgetterOf({ store, description, access, dataDir, tokenKeys, pseudonyms, logger }),
    logger,
  })
  const metrics = new PlainMetrics()
  certificate?.addMetrics(metrics)
  metrics.add(
    'counter',
    'gatepost_dashboard_refused_total',
    'Requests to the dashboard refused: a wrong password, or too many guesses or requests of an address',
    () => Object.entries(dashboard.refused).map(([reason, value]) => ({ value, labels: { reason } })),
  )
  metrics.add(
    'counter',
    'gatepost_dashboard_audit_lost_total',
    'Rows of the audit log about the dashboard that were dropped because the store did not take them',
    () => [{ value: dashboard.auditLost() }],
  )
  return { stop: () => dashboard.close(), metrics: () => metrics, reload: () => certificate?.look() }
}

function requireKeys(keys: readonly string[]): readonly string[] {
  if (keys.length > 0) return keys
  const why = 'erased subjects cannot be recognised without it, so no dead letter is stored again'
  throw new GatepostError('INPUT_INVALID', `GATEPOST_SECRET is not set here: ${why}`)
}
