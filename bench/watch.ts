import { setTimeout as sleep } from 'node:timers/promises'
import { LOAD_TABLES, type LoadRoute } from '../test/helpers/load.ts'
import type { Instance } from '../test/helpers/instance.ts'

export type WatchedRoute = Exclude<LoadRoute, 'gateway_ping'>

/** Between two questions: what asks more often takes from the store, which inserts on the same cores. */
const EVERY_MS = 100
/** After the load, what has not been found by then is missing. */
const FOUND_WITHIN_MS = 30_000

/** Looks for acknowledged records through the SQL endpoint, and notes how long each took to be found. */
export class Watch {
  readonly #instance: Instance
  readonly #waiting: Record<WatchedRoute, Map<string, number>> = {
    ping: new Map(),
    auth: new Map(),
    post_auth: new Map(),
  }
  readonly #found: number[] = []
  #stopped = false
  readonly #loop: Promise<void>

  constructor(instance: Instance) {
    this.#instance = instance
    this.#loop = this.#look()
  }

  /** This record has been acknowledged now. */
  acknowledged(route: WatchedRoute, id: string): void {
    this.#waiting[route].set(id, performance.now())
  }

  /** Milliseconds that each found record took, once all are found or their time is over. */
  async stop(): Promise<{ found: readonly number[]; missing: number }> {
    const deadline = Date.now() + FOUND_WITHIN_MS
    while (this.#waitingCount() > 0 && Date.now() < deadline) await sleep(EVERY_MS)
    this.#stopped = true
    await this.#loop
    return { found: this.#found, missing: this.#waitingCount() }
  }

  #waitingCount(): number {
    return Object.values(this.#waiting).reduce((sum, { size }) => sum + size, 0)
  }

  async #look(): Promise<void> {
    while (!this.#stopped) {
      for (const route of Object.keys(this.#waiting) as WatchedRoute[]) {
        const waiting = this.#waiting[route]
        if (waiting.size === 0) continue
        const { table, column } = LOAD_TABLES[route]
        const ids = [...waiting.keys()].map((id) => `'${id}'`).join(',')
        const rows = await this.#instance.query<{ id: string }>(
          `SELECT ${column} AS id FROM ${table} WHERE received_at > now() - INTERVAL 2 MINUTE AND ${column} IN (${ids})`,
        )
        const now = performance.now()
        for (const { id } of rows) {
          const since = waiting.get(id)
          if (since === undefined) continue
          this.#found.push(now - since)
          waiting.delete(id)
        }
      }
      await sleep(EVERY_MS)
    }
  }
}
