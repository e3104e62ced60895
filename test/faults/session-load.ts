import { setTimeout as sleep } from 'node:timers/promises'
import type { RunQuery } from '../helpers/load.ts'

/** The expected outcome of a session, by the rules for sessions. */
export interface SessionState {
  readonly state: string
  readonly incoming: number
  readonly outgoing: number
}

const LOOPS = 4
const PAUSE_MS = 150
const STEPS = 6

/** The ways in which sessions end, in turn. */
const ENDS = ['logged_out', 'active', 'superseded', 'gateway_restarted'] as const
/** The time of a restart is known to the second. */
const RESTART_MS = 3000

/**
 * Complete sessions, each at a gateway of its own: login, growing counters, and an end. Each report is sent until it is acknowledged, as
 * gateways do, so that an undisturbed run would end in `expected`. All go to one ingest process with a correct clock: the order of a
 * session's reports is that of received_at.
 */
export class SessionLoad {
  readonly expected = new Map<string, SessionState>()
  readonly #port: number
  #next = 0
  #stopped = false
  #paused = false
  #underWay = 0
  #loops: Promise<void>[] = []

  constructor(port: number) {
    this.#port = port
  }

  start(): void {
    this.#loops = Array.from({ length: LOOPS }, () => this.#loop())
  }

  /** Resolves when no report is in flight; none is sent until resume(). */
  async pause(): Promise<void> {
    this.#paused = true
    while (this.#underWay > 0) await sleep(20)
  }

  resume(): void {
    this.#paused = false
  }

  /** Waits until every session that has begun has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) await this.#live(this.#next++)
  }

  async #live(number: number): Promise<void> {
    const id = `s${number}`
    const end = ENDS[number % ENDS.length]
    const mac = `02:${number.toString(16).padStart(10, '0').match(/../g)?.join(':')}`
    if (end === 'gateway_restarted') await this.#heartbeat(id, 1000)
    let [incoming, outgoing] = [0, 0]
    await this.#report(id, id, mac, 'login', incoming, outgoing)
    for (let step = 1; step <= STEPS; step++) {
      incoming += 1000 * step + (number % 7)
      outgoing += 10 * step
      await this.#report(id, id, mac, 'counters', incoming, outgoing)
    }
    if (end === 'logged_out') await this.#report(id, id, mac, 'logout', incoming, outgoing)
    if (end === 'superseded') {
      const next = `${id}b`
      await this.#report(next, id, mac, 'login', 0, 0)
      await this.#report(next, id, mac, 'counters', 500, 50)
      this.expected.set(next, { state: 'active', incoming: 500, outgoing: 50 })
    }
    if (end === 'gateway_restarted') {
      await sleep(RESTART_MS)
      await this.#heartbeat(id, 1)
    }
    this.expected.set(id, { state: end, incoming, outgoing })
  }

  #report(id: string, gateway: string, mac: string, stage: string, incoming: number, outgoing: number): Promise<void> {
    const counters = stage === 'login' ? '' : `&incoming=${incoming}&outgoing=${outgoing}`
    return this.#untilKept(`auth/?stage=${stage}&ip=10.0.0.1&mac=${mac}&token=t${id}&gw_id=${gateway}${counters}`)
  }

  /** @param uptime seconds since the gateway's program began */
  #heartbeat(gateway: string, uptime: number): Promise<void> {
    return this.#untilKept(`ping/?gw_id=${gateway}&sys_uptime=5000&sys_memfree=1&sys_load=0.1&wifidog_uptime=${uptime}`)
  }

  async #untilKept(target: string): Promise<void> {
    for (;;) {
      await sleep(PAUSE_MS)
      if (this.#paused) continue
      this.#underWay++
      const kept = await this.#send(target)
      this.#underWay--
      if (kept) return
    }
  }

  /** Whether it was kept, and decided: a worker that does not know all decisions yet answers -1, and the session is not touched. */
  async #send(target: string): Promise<boolean> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#port}/${target}`, { signal: AbortSignal.timeout(10_000) })
      const said = await answer.text()
      return answer.headers.get('x-gatepost-record') === 'kept' && !said.includes('Auth: -1')
    } catch {
      return false
    }
  }
}

/** The rows of the view `sessions`. A gateway's second session supersedes its first. */
export async function storedSessions(query: RunQuery): Promise<Map<string, SessionState>> {
  const rows = await query<{ gateway: string; place: number; state: string; incoming: string; outgoing: string }>(
    `SELECT gw_id AS gateway, toUInt32(row_number() OVER (PARTITION BY gw_id ORDER BY first_seen)) AS place, state, incoming,
       outgoing
     FROM gatepost.sessions WHERE match(gw_id, '^s[0-9]+$')`,
  )
  return new Map(
    rows.map(({ gateway, place, state, incoming, outgoing }) => [
      place === 1 ? gateway : `${gateway}b`,
      { state, incoming: Number(incoming), outgoing: Number(outgoing) },
    ]),
  )
}

/** Sessions that differ from an undisturbed run, each with its expected and its actual values. */
export function wrongSessions(
  expected: ReadonlyMap<string, SessionState>,
  stored: ReadonlyMap<string, SessionState>,
): string[] {
  return [...expected]
    .map(([id, state]) => [id, JSON.stringify(state), JSON.stringify(stored.get(id))])
    .filter(([, wanted, found]) => wanted !== found)
    .map(([id, wanted, found]) => `${id}: ${wanted} expected, ${found} found`)
}
