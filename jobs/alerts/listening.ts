import { ALIVE_EVERY_MS } from '../../access/liveness.ts'
import type { AccessLog } from '../../access/log.ts'
import { SUBJECTS } from '../../access/subjects.ts'

/** Without a sign of life for this long nobody listens: two may get lost. */
const GAP_MS = 2.5 * ALIVE_EVERY_MS

/** Since when what gateways say has been coming into the tables without a gap, as far as this process has seen it. */
export class Listening {
  readonly #behind: (now: number) => boolean
  #since: number | null = null
  #latest = -Infinity

  /** @param behind whether rows wait that should be in the tables by now (ms since the epoch) */
  constructor(access: AccessLog, behind: (now: number) => boolean) {
    this.#behind = behind
    access.watch((subject) => {
      if (SUBJECTS.liveness.nameOf(subject) === null) return
      const now = Date.now()
      const at = access.get(subject, now)?.updatedAt
      // At the start old ones are read.
      if (at !== undefined && Math.abs(now - at) <= GAP_MS) this.heard(now)
    })
  }

  /** A sign of life. ms since the epoch */
  heard(now: number): void {
    if (now - this.#latest > GAP_MS) this.#since = null
    this.#latest = now
    this.#since ??= now
  }

  /** Null: nobody listens at `now`, or what is heard waits. Asked every few seconds. */
  since(now: number): number | null {
    if (this.#behind(now)) this.#since = now
    return now - this.#latest > GAP_MS || this.#since === now ? null : this.#since
  }
}
