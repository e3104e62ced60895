import { OldestFirstMap } from '../access/oldest-first.ts'

/** Gateways of which this worker knows when they report; of another one the page says less. */
const MAX_GATEWAYS = 20_000
/** Of so many heartbeats the shortest gap counts: with several workers, each sees some of them only. */
const KEPT = 8
/** A heartbeat that is sent again, or one of a second gateway that calls itself the same. */
const REPEATED_MS = 2000
/** A gateway that has sent no counters for so long has none to send, or nobody is online there. */
const COUNTERS_KNOWN_MS = 24 * 3_600_000
/** What is written for every report of a client is written so often only. */
const WRITTEN_EVERY_MS = 60_000

/** How often each gateway reports, and whether of its clients, as this worker sees it. */
export class GatewayReports {
  /** Times of the latest heartbeats, ms since the epoch. */
  readonly #beats = new OldestFirstMap<number[]>(MAX_GATEWAYS)
  /** Time of the latest counters, ms since the epoch; by session where the gateway does not name itself. */
  readonly #counters = new OldestFirstMap<number>(MAX_GATEWAYS)

  heartbeat(gwId: string, now: number): void {
    const beats = this.#beats.get(gwId) ?? []
    if (now - (beats.at(-1) ?? 0) < REPEATED_MS) return
    beats.push(now)
    if (beats.length > KEPT) beats.shift()
    this.#beats.set(gwId, beats)
  }

  counters(gwIdOrSession: string, now: number): void {
    if (now - (this.#counters.get(gwIdOrSession) ?? 0) >= WRITTEN_EVERY_MS) this.#counters.set(gwIdOrSession, now)
  }

  /** Whether it sends counters, whose answers tell it who is out. wifidog-ng 2 sends none. */
  sendsCounters(gwId: string, sessionId: string, now: number): boolean {
    const latest = this.#counters.get(gwId) ?? this.#counters.get(sessionId) ?? 0
    return now - latest < COUNTERS_KNOWN_MS
  }

  /**
   * Within what time each client's next report comes, ms; null: not known. The reports of a round follow each other, so up to two intervals may pass
   * between those of one client.
   */
  withinMs(gwId: string): number | null {
    const beats = this.#beats.get(gwId) ?? []
    const gaps = beats.slice(1).map((beat, index) => beat - beats[index])
    return gaps.length === 0 ? null : 2 * Math.min(...gaps)
  }
}
