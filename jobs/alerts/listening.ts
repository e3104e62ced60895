import { LIVENESS_EVERY_MS } from '../../access/liveness.ts'
import type { AccessLog } from '../../access/log.ts'
import { SUBJECTS } from '../../access/subjects.ts'

/** Without a liveness report for this long, nobody is listening; two reports may get lost. */
const GAP_MS = 2.5 * LIVENESS_EVERY_MS

/** Tracks since when heartbeats have been reaching the tables without a gap, as far as this process has seen. */
export class Listening {
  readonly #behind: (now: number) => boolean
  #since: number | null = null
  #latest = -Infinity

  /** @param behind whether the tables lag at this time (ms since the epoch) */
  constructor(access: AccessLog, behind: (now: number) => boolean) {
    this.#behind = behind
    access.watch((subject) => {
      if (SUBJECTS.liveness.nameOf(subject) === null) return
      const now = Date.now()
      const at = access.get(subject, now)?.updatedAt
      // Old reports are read at the start; ignore them.
      if (at !== undefined && Math.abs(now - at) <= GAP_MS) this.heard(now)
    })
  }

  /** Called for a liveness report. ms since the epoch */
  heard(now: number): void {
    if (now - this.#latest > GAP_MS) this.#since = null
    this.#latest = now
    this.#since ??= now
  }

  /** Null: nobody is listening at `now`, or the tables lag. Called every few seconds. */
  since(now: number): number | null {
    if (this.#behind(now)) this.#since = now
    return now - this.#latest > GAP_MS || this.#since === now ? null : this.#since
  }
}
