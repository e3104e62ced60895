import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { signedHeaders } from '../../common/signed-post.ts'
import type { Store } from '../../store/contract.ts'
import { insertRows } from '../../store/insert-rows.ts'
import { repeatUnderLease, type HeldLease, type LeasedWork } from '../under-lease.ts'

/*
 * Posts to GATEPOST_ALERT_URL when a gateway goes down and when it is back, and when several gateways call themselves the same:
 *
 *  POST <url>, signed as in common/signed-post.ts
 *  {"event":"gateway_down","gw_id":"…","name":"…","last_seen":"2024-02-29T12:00:00.000Z"}
 *  {"event":"gateway_same_id",…,"addresses":["…"]}
 *
 * Once per change: tables gateway_alerts and gateway_warnings hold what was posted. A gateway is down as in the view gateways, after more than five intervals
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
  readonly sent: { gateway_down: number; gateway_up: number; gateway_same_id: number }
  /** Failed attempts; they are repeated while the gateway's state stays the same. */
  failures: number
}

export interface Alerts {
  /** Live counters. */
  readonly stats: AlertStats
  stop(): Promise<void>
}

type Event = 'gateway_down' | 'gateway_up' | 'gateway_same_id'

interface Change {
  readonly event: Event
  readonly gw_id: string
  readonly name: string
  readonly last_seen: string
  /** Of gateway_same_id. */
  readonly addresses?: readonly string[]
}

const EVERY_MS = 10_000
const LEASE_MS = 5 * 60_000
const ANSWER_WITHIN_MS = 10_000
const WARNED = 'gatepost.gateway_warnings (gw_id, warning)'
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

/** Warnings that were not posted yet. */
const WARNINGS = `
SELECT 'gateway_same_id' AS event, gateways.gw_id AS gw_id, gateways.name AS name,
  concat(replaceOne(toString(gateways.last_seen), ' ', 'T'), 'Z') AS last_seen, gateways.addresses AS addresses
FROM gatepost.gateways AS gateways
LEFT JOIN (SELECT gw_id, warning FROM gatepost.gateway_warnings FINAL) AS told ON told.gw_id = gateways.gw_id
WHERE gateways.warning = 'same_id' AND told.warning != 'same_id'
ORDER BY gateways.gw_id
LIMIT ${MAX_CHANGES}`

/** Warnings that are over: they may come again. */
const OVER = `
SELECT told.gw_id AS gw_id, '' AS warning
FROM (SELECT gw_id, warning FROM gatepost.gateway_warnings FINAL) AS told
WHERE told.warning != '' AND told.gw_id NOT IN (SELECT gateways.gw_id FROM gatepost.gateways AS gateways WHERE gateways.warning != '')
LIMIT ${MAX_CHANGES}`

export function startAlerts(options: AlertsOptions): Alerts {
  const { store, leaseSettleMs: settleMs, everyMs = EVERY_MS } = options
  const work = new AlertWork(options)
  const repeated = repeatUnderLease({ store, name: 'alerts', leaseMs: LEASE_MS, everyMs, settleMs }, work)
  return { stats: work.stats, stop: () => repeated.stop() }
}

class AlertWork implements LeasedWork {
  readonly stats: AlertStats = { sent: { gateway_down: 0, gateway_up: 0, gateway_same_id: 0 }, failures: 0 }
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
    const { store } = this.#options
    const changes = await store.query<Change>(CHANGES, { since: this.#since as number })
    for (let first = 0; first < changes.length && !stopped(); first += AT_ONCE) {
      const told = await this.#tell(changes.slice(first, first + AT_ONCE))
      const rows = told.map(({ gw_id, event }) => ({ gw_id, event }))
      await insertRows(store, 'gatepost.gateway_alerts (gw_id, event)', rows)
    }
    await insertRows(store, WARNED, await store.query<object>(OVER))
    const warnings = await store.query<Change>(WARNINGS)
    for (let first = 0; first < warnings.length && !stopped(); first += AT_ONCE) {
      const told = await this.#tell(warnings.slice(first, first + AT_ONCE))
      await insertRows(
        store,
        WARNED,
        told.map(({ gw_id }) => ({ gw_id, warning: 'same_id' })),
      )
    }
  }

  failed(error: unknown): void {
    this.#options.logger.warn(
      { event: 'alerts.look_failed', error: messageOf(error) },
      'alerts: cannot read the state of the gateways; retrying',
    )
  }

  /** @returns those that were accepted */
  async #tell(changes: readonly Change[]): Promise<Change[]> {
    const told = await Promise.all(changes.map(async (change) => ((await this.#post(change)) ? [change] : [])))
    return told.flat()
  }

  async #post(change: Change): Promise<boolean> {
    const { url, secret, logger } = this.#options
    const body = JSON.stringify(change)
    const { event: alert, ...of } = change
    const told = { alert, ...of }
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
      logger.info({ event: 'alerts.posted', ...told }, 'alerts: posted an alert to GATEPOST_ALERT_URL')
      return true
    } catch (error) {
      this.stats.failures++
      logger.error(
        { event: 'alerts.post_failed', ...told, error: messageOf(error) },
        'alerts: GATEPOST_ALERT_URL did not accept an alert; retrying',
      )
      return false
    }
  }
}
