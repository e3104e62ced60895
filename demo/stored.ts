import { setTimeout as sleep } from 'node:timers/promises'
import type { MetricDefinition } from '../reporter/metrics/definitions.ts'
import { computeSeries } from '../reporter/metrics/series.ts'
import type { TableStore } from '../store/table-store.ts'
import type { Retention } from '../store/retention.ts'
import { DAY_MS, dayOf, type Period } from '../reporter/metrics/window.ts'
import type { Sent } from './sender.ts'

const LOOK_EVERY_MS = 250

/** Waits until all records that were sent are in their tables. */
export async function untilStored(
  store: TableStore,
  sent: Sent,
  stopped: AbortSignal,
  progress: Progress,
): Promise<void> {
  const all = sent.mistakes + sent.logins + sent.heartbeats + sent.sessions + sent.auth
  await until(stopped, progress, async () => {
    const [{ rows }] = await store.query<{ rows: string }>(
      `SELECT (SELECT count() FROM gatepost.post_auth) + (SELECT count() FROM gatepost.gateway_pings)
         + (SELECT count() FROM gatepost.portal_sessions) + (SELECT count() FROM gatepost.gateway_auth)
         + (SELECT count() FROM gatepost.dead_letters) AS rows`,
    )
    return Number(rows) / all
  })
}

/** Waits until every hour with reports of a session has been computed. */
export async function untilSessions(store: TableStore, stopped: AbortSignal, progress: Progress): Promise<void> {
  await until(stopped, progress, async () => {
    const [{ touched, computed }] = await store.query<{ touched: string; computed: string }>(
      `SELECT (SELECT uniqExact(session_id, hour) FROM gatepost.session_touches) AS touched,
         (SELECT uniqExact(session_id, hour) FROM gatepost.session_hours) AS computed`,
    )
    return touched === '0' ? 1 : Number(computed) / Number(touched)
  })
}

/** Called with the share that is done, 0 to 1. */
type Progress = (share: number) => void

async function until(stopped: AbortSignal, progress: Progress, done: () => Promise<number>): Promise<void> {
  while (!stopped.aborted) {
    const share = await done()
    if (share >= 1) return
    progress(share)
    await sleep(LOOK_EVERY_MS)
  }
}

const WEEKS = 4

/** Computes these metrics for every day, and for the weeks and the month that end today, so that the pages can show them. */
export async function computeMetrics(
  store: TableStore,
  metrics: readonly MetricDefinition[],
  { from, until, retention }: { from: number; until: number; retention: Retention },
  stopped: AbortSignal,
  progress: Progress,
): Promise<void> {
  const now = new Date()
  const today = Math.floor(until / DAY_MS) * DAY_MS
  const first: Readonly<Record<Period, string>> = {
    hour: `${dayOf(new Date(today))}T00`,
    day: dayOf(new Date(Math.min(today, Math.floor(from / DAY_MS) * DAY_MS + DAY_MS))),
    week: dayOf(new Date(today - (WEEKS - 1) * 7 * DAY_MS)),
    month: dayOf(new Date(today)),
  }
  const series = metrics.flatMap((metric) => metric.periods.map((period) => ({ metric, period })))
  for (const [index, { metric, period }] of series.entries()) {
    if (stopped.aborted) return
    const hour = new Date(Math.floor(until / 3_600_000) * 3_600_000).toISOString().slice(0, 13)
    const to = period === 'hour' ? hour : dayOf(new Date(today))
    const request = { metric, period, from: first[period], to, partial: false, retention, now }
    await computeSeries(store, request, (_date, done, all) => progress((index + done / all) / series.length))
  }
}
