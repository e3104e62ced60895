import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { signedHeaders } from '../../common/signed-post.ts'
import type { Store } from '../../store/contract.ts'
import { insertRows } from '../../store/insert-rows.ts'
import { repeatUnderLease, type HeldLease, type LeasedWork } from '../under-lease.ts'

/*
 * Posts to GATEPOST_ALERT_URL when a gateway goes down and when it is back:
 *
 *  POST <url>, signed as in common/signed-post.ts
 *  {"event":"gateway_down","gw_id":"…","name":"…","last_seen":"2024-02-29T12:00:00.000Z"}
 *
 * Once per change: table gateway_alerts holds what was posted. A gateway is down as in the view gateways, after more than five intervals
 * without a heartbeat, but only counting time in which ingest was listening and its records reached the tables.
 */

export interface AlertsOptions {
  readonly store: Pick<Store, 'query' | 'command'>
  readonly url: string
  readonly secret: string
  /** Since when ingest has been listening, ms since the epoch; null: it is not, or the tables lag. */
  readonly listeningSince: (now: number) => number | null
  readonly logger: Logger
  /** For tests: interval, default 10 s. */
  readonly everyMs?: number
  readonly leaseSettleMs?: number
}

export interface AlertStats {
  readonly sent: { gateway_down: number; gateway_up: number }
  /** Failed attempts; they are repeated while the gateway's state stays the same. */
  failures: number
}

export interface Alerts {
  /** Live counters. */
  readonly stats: AlertStats
  stop(): Promise<void>
}

type Event = 'gateway_down' | 'gateway_up'

interface Change {
  readonly event: Event
  readonly gw_id: string
  readonly name: string
  readonly last_seen: string
}

const EVERY_MS = 10_000
const LEASE_MS = 5 * 60_000
const ANSWER_WITHIN_MS = 10_000
/** Changes handled per run, and concurrent requests; the rest is left for the next run. */
const MAX_CHANGES = 200
const AT_ONCE = 8

/** Gateways whose state differs from what was last posted; those that have been down longest come first. */
const CHANGES = `
SELECT if(gateways.state = 'up', 'gateway_up', 'gateway_down') AS event, gateways.gw_id AS gw_id, gateways.name AS name,
  concat(replaceOne(toString(gateways.last_seen), ' ', 'T'), 'Z') AS last_seen
FROM gatepost.gateways AS gateways
LEFT JOIN (SELECT gw_id, event FROM gatepost.gateway_alerts FINAL) AS told ON told.gw_id = gateways.gw_id
WHERE (gateways.state = 'up' AND told.event = 'gateway_down')
  OR (gateways.state = 'down' AND told.event != 'gateway_down'
    AND dateDiff('second', fromUnixTimestamp64Milli({since:Int64}, 'UTC'), now64(3, 'UTC')) > 5 * ifNull(gateways.interval_seconds, 60))
ORDER BY gateways.last_seen, gateways.gw_id
LIMIT ${MAX_CHANGES}`

export function startAlerts(options: AlertsOptions): Alerts {
  const { store, leaseSettleMs: settleMs, everyMs = EVERY_MS } = options
  const work = new AlertWork(options)
  const repeated = repeatUnderLease({ store, name: 'alerts', leaseMs: LEASE_MS, everyMs, settleMs }, work)
  return { stats: work.stats, stop: () => repeated.stop() }
}

class AlertWork implements LeasedWork {
  readonly stats: AlertStats = { sent: { gateway_down: 0, gateway_up: 0 }, failures: 0 }
  readonly #options: AlertsOptions
  /** Since when ingest has been listening; refreshed before each run. */
  #since: number | null = null

  constructor(options: AlertsOptions) {
    this.#options = options
  }

  ready(): boolean {
    this.#since = this.#options.listeningSince(Date.now())
    return this.#since !== null
  }

  async look({ stopped }: HeldLease): Promise<void> {
    const changes = await this.#options.store.query<Change>(CHANGES, { since: this.#since as number })
    for (let first = 0; first < changes.length && !stopped(); first += AT_ONCE) {
      await this.#tell(changes.slice(first, first + AT_ONCE))
    }
  }

  failed(error: unknown): void {
    this.#options.logger.warn({ error: messageOf(error) }, 'alerts: cannot read the state of the gateways; retrying')
  }

  async #tell(changes: readonly Change[]): Promise<void> {
    const told = await Promise.all(changes.map(async (change) => ((await this.#post(change)) ? [change] : [])))
    const rows = told.flat().map(({ gw_id, event }) => ({ gw_id, event }))
    await insertRows(this.#options.store, 'gatepost.gateway_alerts (gw_id, event)', rows)
  }

  async #post(change: Change): Promise<boolean> {
    const { url, secret, logger } = this.#options
    const body = JSON.stringify(change)
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: signedHeaders(secret, body, Date.now()),
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      })
      await response.body?.cancel()
      if (!response.ok) throw new Error(`status ${response.status}`)
      this.stats.sent[change.event]++
      logger.info(change, 'alerts: posted an alert to GATEPOST_ALERT_URL')
      return true
    } catch (error) {
      this.stats.failures++
      logger.error(
        { ...change, error: messageOf(error) },
        'alerts: GATEPOST_ALERT_URL did not accept an alert; retrying',
      )
      return false
    }
  }
}
