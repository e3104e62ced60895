import { setTimeout as sleep } from 'node:timers/promises'
import type { RunQuery } from '../helpers/load.ts'

/** What a session comes to, by the rules for sessions: whether it was ended, and its bytes. */
export interface SessionState {
  readonly loggedOut: boolean
  readonly incoming: number
  readonly outgoing: number
}

const LOOPS = 4
const PAUSE_MS = 150
const STEPS = 6

/**
 * Whole lives of sessions: login, counters that grow, logout; every third goes without a logout. Each report is sent until it is acknowledged, as
 * gateways do, so that an undisturbed run would end in `expected`. To one ingest whose clock is right: the order of a
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

  /** Resolves when no report is under way; none is sent until resume(). */
  async pause(): Promise<void> {
    this.#paused = true
    while (this.#underWay > 0) await sleep(20)
  }

  resume(): void {
    this.#paused = false
  }

  /** Waits until every session that has begun has come to its end. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      const number = this.#next++
      const id = `s${number}`
      let [incoming, outgoing] = [0, 0]
      await this.#report(id, 'login', incoming, outgoing)
      for (let step = 1; step <= STEPS; step++) {
        incoming += 1000 * step + (number % 7)
        outgoing += 10 * step
        await this.#report(id, 'counters', incoming, outgoing)
      }
      const loggedOut = number % 3 !== 0
      if (loggedOut) await this.#report(id, 'logout', incoming, outgoing)
      this.expected.set(id, { loggedOut, incoming, outgoing })
    }
  }

  async #report(id: string, stage: string, incoming: number, outgoing: number): Promise<void> {
    const counters = stage === 'login' ? '' : `&incoming=${incoming}&outgoing=${outgoing}`
    const query = `stage=${stage}&ip=10.0.0.1&mac=00:11:22:33:44:55&token=t${id}&gw_id=${id}${counters}`
    for (;;) {
      await sleep(PAUSE_MS)
      if (this.#paused) continue
      this.#underWay++
      const kept = await this.#send(query)
      this.#underWay--
      if (kept) return
    }
  }

  #send(query: string): Promise<boolean> {
    const url = `http://127.0.0.1:${this.#port}/auth/?${query}`
    return fetch(url, { signal: AbortSignal.timeout(10_000) }).then(
      (answer) => answer.headers.get('x-gatepost-record') === 'kept',
      () => false,
    )
  }
}

/** What the view `sessions` says. */
export async function storedSessions(query: RunQuery): Promise<Map<string, SessionState>> {
  const rows = await query<{ id: string; state: string; incoming: string; outgoing: string }>(
    `SELECT gw_id AS id, state, incoming, outgoing FROM gatepost.sessions WHERE match(gw_id, '^s[0-9]+$')`,
  )
  return new Map(
    rows.map(({ id, state, incoming, outgoing }) => [
      id,
      { loggedOut: state === 'logged_out', incoming: Number(incoming), outgoing: Number(outgoing) },
    ]),
  )
}

/** Sessions that are not what an undisturbed run would have made of them, each with what it should be and what it is. */
export function wrongSessions(
  expected: ReadonlyMap<string, SessionState>,
  stored: ReadonlyMap<string, SessionState>,
): string[] {
  return [...expected]
    .map(([id, state]) => [id, JSON.stringify(state), JSON.stringify(stored.get(id))])
    .filter(([, wanted, found]) => wanted !== found)
    .map(([id, wanted, found]) => `${id}: ${wanted} expected, ${found} found`)
}
