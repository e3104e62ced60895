import { OldestFirstMap } from '../access/oldest-first.ts'

/** Gateways of which this worker knows when they report; of another one the page says less. */
const MAX_GATEWAYS = 20_000
/** Of so many heartbeats the shortest gap counts: with several workers, each sees some of them only. */
const KEPT = 8
/** A heartbeat that is sent again, or one of a second gateway that calls itself the same. */
const REPEATED_MS = 2000

/** How often each gateway reports, as this worker sees it. */
export class HeartbeatGaps {
  /** Times of the latest heartbeats, ms since the epoch. */
  readonly #beats = new OldestFirstMap<number[]>(MAX_GATEWAYS)

  seen(gwId: string, now: number): void {
    const beats = this.#beats.get(gwId) ?? []
    if (now - (beats.at(-1) ?? 0) < REPEATED_MS) return
    beats.push(now)
    if (beats.length > KEPT) beats.shift()
    this.#beats.set(gwId, beats)
  }

  /**
   * Within what time each client's next report comes, ms; null: not known. The reports of a round follow each other, so up to two intervals may pass
   * between those of one client.
   */
  reportsWithinMs(gwId: string): number | null {
    const beats = this.#beats.get(gwId) ?? []
    const gaps = beats.slice(1).map((beat, index) => beat - beats[index])
    return gaps.length === 0 ? null : 2 * Math.min(...gaps)
  }
}
