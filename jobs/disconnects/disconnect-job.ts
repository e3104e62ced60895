import { setMaxListeners } from 'node:events'
import { deciding } from '../../access/deciding.ts'
import type { AccessEntry, AccessLog } from '../../access/log.ts'
import { DECIDED, SUBJECTS } from '../../access/subjects.ts'
import { isShared, storedUserName, type UserNameRule } from '../../common/user-name.ts'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { sqlTime } from '../../common/sql-time.ts'
import type { Store } from '../../store/contract.ts'
import { insertRows } from '../../store/insert-rows.ts'
import { userNameRule } from '../../store/user-names.ts'
import { repeatUnderLease, type HeldLease, type LeasedWork } from '../under-lease.ts'
import { deniedSessions, identitiesOf, keyOf, type DeniedSession, type Identity } from './denied-sessions.ts'
import { NasClients, type NasClient } from './nas-clients.ts'
import { isSendable, type Answer, type AttributeName, type Attributes } from './packet.ts'
import { requestDisconnect, WAITS_MS, type Listener } from './request.ts'

/*
 * Asks NAS to end RADIUS sessions that are denied, by an operator or by a policy (RFC 5176). Table radius_disconnects holds every request and
 * its outcome; by it a session is asked for again later, also by another process.
 */

export interface DisconnectJobOptions {
  readonly store: Pick<Store, 'query' | 'command'>
  readonly access: AccessLog
  readonly clients: readonly NasClient[]
  readonly logger: Logger
  /** For tests: interval, default 5 s. */
  readonly everyMs?: number
  readonly leaseSettleMs?: number
  /** For tests: how long each sending waits for an answer. */
  readonly waitsMs?: readonly number[]
}

/** ack: the NAS ends the session. gone: it has no such session. nak: it does not end it. unanswered: no answer, or none made with the secret. */
export const OUTCOMES = ['ack', 'gone', 'nak', 'unanswered'] as const
export type DisconnectOutcome = (typeof OUTCOMES)[number]

export interface DisconnectStats {
  readonly outcomes: Record<DisconnectOutcome, number>
  /** Packets that were sent again. */
  repeated: number
  /** Active sessions that are denied, at the latest look: whose NAS can be asked, and others. */
  readonly denied: { reachable: number; unreachable: number }
  /** Completed runs. */
  looks: number
  failures: number
}

export interface DisconnectJob {
  /** Live counters. */
  readonly stats: DisconnectStats
  /** Requests that wait for an answer are given up. */
  stop(): Promise<void>
}

const EVERY_MS = 5000
/** Looking for sessions takes at most a fifth of the time. */
const REST = 4
const LEASE_MS = 5 * 60_000
/** Requests per run, and at once; the rest is left for the next run. Of a NAS that does not answer, the rest is not sent in this run. */
const MAX_REQUESTS = 200
const AT_ONCE = 16
/** Error-Cause: Session-Context-Not-Found. */
const NO_SUCH_SESSION = 503

export function startDisconnectJob(options: DisconnectJobOptions): DisconnectJob {
  const { store, leaseSettleMs: settleMs, everyMs = EVERY_MS } = options
  const stop = new AbortController()
  // Each request listens twice.
  setMaxListeners(4 * AT_ONCE, stop.signal)
  const work = new DisconnectWork(options, stop.signal)
  const repeated = repeatUnderLease({ store, name: 'disconnects', leaseMs: LEASE_MS, everyMs, settleMs }, work)
  return {
    stats: work.stats,
    stop: () => {
      stop.abort()
      return repeated.stop()
    },
  }
}

/** Of table radius_disconnects. */
interface Row {
  readonly at: string
  readonly nas: string
  readonly unique_id: string
  readonly reason: string
  readonly address: string
  readonly outcome: DisconnectOutcome
  readonly error_cause: number | null
  readonly packets: number
}

/** A session to end. */
interface Request {
  readonly session: DeniedSession
  readonly reason: string
  readonly listener: Listener
  readonly attributes: Attributes
}

class DisconnectWork implements LeasedWork {
  readonly stats: DisconnectStats = {
    outcomes: { ack: 0, gone: 0, nak: 0, unanswered: 0 },
    repeated: 0,
    denied: { reachable: 0, unreachable: 0 },
    looks: 0,
    failures: 0,
  }
  readonly #options: DisconnectJobOptions
  readonly #clients: NasClients
  readonly #stop: AbortSignal
  /** Earliest next look, by performance.now(). */
  #dueAt = -Infinity

  constructor(options: DisconnectJobOptions, stop: AbortSignal) {
    this.#options = options
    this.#clients = new NasClients(options.clients)
    this.#stop = stop
  }

  ready(): boolean {
    return this.#options.access.known
  }

  failed(error: unknown): void {
    if (this.#stop.aborted) return
    this.stats.failures++
    this.#options.logger.warn(
      { event: 'disconnects.look_failed', error: messageOf(error) },
      'disconnects: cannot look for denied sessions; retrying',
    )
  }

  async look({ stopped }: HeldLease): Promise<void> {
    const started = performance.now()
    if (started < this.#dueAt) return
    const requests = await this.#requests()
    this.#dueAt = performance.now() + REST * (performance.now() - started)
    const silent = new Set<string>()
    for (let rest = requests; rest.length > 0 && !stopped();) {
      await this.#ask(rest.slice(0, AT_ONCE), silent)
      rest = rest.slice(AT_ONCE).filter(({ listener }) => !silent.has(addressOf(listener)))
    }
    this.stats.looks++
  }

  async #requests(): Promise<Request[]> {
    const { store, access } = this.#options
    const now = Date.now()
    const found: { session: DeniedSession; reason: string }[] = []
    if (!deniesAnything(access, now)) {
      this.stats.denied.reachable = this.stats.denied.unreachable = 0
      return []
    }
    const rule = await userNameRule(store)
    const accounts = accountsByStoredName(access, rule, now)
    for (const session of await deniedSessions(store, rule)) {
      const entry = decisionAbout(access, session, accounts, now)
      if (entry?.verdict === 'deny') found.push({ session, reason: entry.reason })
    }
    const identities = await this.#identities(found.map(({ session }) => session))
    const requests: Request[] = []
    let reachable = 0
    for (const { session, reason } of found) {
      const identity = identities.get(keyOf(session.nas, session.session_id))
      const client = identity === undefined ? null : this.#clients.find(session.nas, identity.site)
      const attributes = identity === undefined || client === null ? {} : chosen(identity, client.send)
      if (client === null || !identifies(attributes)) continue
      reachable++
      if (session.due === 1 && requests.length < MAX_REQUESTS)
        requests.push({ session, reason, listener: client.listener, attributes })
    }
    this.stats.denied.reachable = reachable
    this.stats.denied.unreachable = found.length - reachable
    return requests
  }

  /** Identifiers are part of a URL, so they are asked for in parts. */
  async #identities(sessions: readonly DeniedSession[]): Promise<Map<string, Identity>> {
    const all = new Map<string, Identity>()
    for (let first = 0; first < sessions.length; first += MAX_REQUESTS)
      for (const [key, identity] of await identitiesOf(
        this.#options.store,
        sessions.slice(first, first + MAX_REQUESTS),
      ))
        all.set(key, identity)
    return all
  }

  /** @param silent takes the addresses that did not answer */
  async #ask(requests: readonly Request[], silent: Set<string>): Promise<void> {
    const rows = await Promise.all(requests.map((request) => this.#askOne(request)))
    for (const { outcome, address } of rows.flat()) if (outcome === 'unanswered') silent.add(address)
    await insertRows(
      this.#options.store,
      'gatepost.radius_disconnects (at, nas, unique_id, reason, address, outcome, error_cause, packets)',
      rows.flat(),
    )
  }

  /** @returns the row that tells of it; none if the process stops, which leaves the session for later */
  async #askOne({ session, reason, listener, attributes }: Request): Promise<Row[]> {
    const { logger, waitsMs = WAITS_MS } = this.#options
    const { nas, session_id } = session
    // Which session it was stands in the table, not in the log, which is kept elsewhere.
    const told = { nas, address: listener.address, port: listener.port }
    let answer: Answer | null = null
    let packets = 0
    try {
      ;({ answer, packets } = await requestDisconnect(listener, attributes, this.#stop, waitsMs))
    } catch (error) {
      if (this.#stop.aborted) return []
      logger.warn(
        { event: 'disconnects.send_failed', ...told, error: messageOf(error) },
        'disconnects: cannot send a Disconnect-Request',
      )
    }
    const outcome = outcomeOf(answer)
    const errorCause = answer?.errorCause ?? null
    this.stats.outcomes[outcome]++
    this.stats.repeated += Math.max(0, packets - 1)
    if (outcome === 'ack' || outcome === 'gone')
      logger.info({ event: 'disconnects.session_ended', ...told, outcome }, 'disconnects: a NAS ended a session')
    else
      logger.warn(
        { event: 'disconnects.refused', ...told, outcome, error_cause: errorCause, packets },
        'disconnects: a NAS did not end a denied session; it is asked again later. Check the entry of GATEPOST_RADIUS_DAE and the NAS',
      )
    const at = sqlTime(Date.now())
    const address = addressOf(listener)
    return [{ at, nas, unique_id: session_id, reason, address, outcome, error_cause: errorCause, packets }]
  }
}

function addressOf({ address, port }: Listener): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

function outcomeOf(answer: Answer | null): DisconnectOutcome {
  if (answer === null) return 'unanswered'
  if (answer.acknowledged) return 'ack'
  return answer.errorCause === NO_SUCH_SESSION ? 'gone' : 'nak'
}

function decisionAbout(
  access: AccessLog,
  { session_id: sessionId, mac, account, nas: gwId }: DeniedSession,
  accounts: ReadonlyMap<string, string>,
  now: number,
): AccessEntry | undefined {
  return deciding(access, { sessionId, mac, account: accounts.get(account) ?? account, gwId }, now)
}

/**
 * Accounts that are decided about, by their names as RADIUS servers' names are stored. A name of which only a part is stored is nobody's: others
 * may have the same part.
 */
function accountsByStoredName(access: AccessLog, rule: UserNameRule, now: number): Map<string, string> {
  const names = new Map<string, string>()
  for (const [name, { verdict }] of SUBJECTS.account.entries(access, now)) {
    const stored = storedUserName(name, rule)
    // Of two spellings a denial wins, as it does for gateways.
    if (!isShared(name, rule) && (verdict === 'deny' || !names.has(stored))) names.set(stored, name)
  }
  return names
}

function deniesAnything(access: AccessLog, now: number): boolean {
  for (const kind of DECIDED)
    for (const [, { verdict }] of access.entries(SUBJECTS[kind].prefix, now)) if (verdict === 'deny') return true
  return false
}

function chosen({ attributes }: Identity, send: NasClient['send']): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => send.some((each) => each === name)))
}

/** Whether it names a session, and not only a NAS. */
function identifies(attributes: Attributes): boolean {
  return (Object.entries(attributes) as [AttributeName, string][]).some(
    ([name, text]) => !name.startsWith('NAS-') && isSendable(name, text),
  )
}
