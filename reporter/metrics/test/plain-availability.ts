import type { Ping } from '../../test/engine.ts'

/** gateway-availability as docs/metrics.md defines it, computed slowly and without SQL, to compare the query with. */

const DAY_MS = 86_400_000

export function plainAvailability(pings: readonly Ping[], start: string, end: string): Record<string, unknown>[] {
  const gateways = [...new Set(pings.map(({ gateway }) => gateway))].sort()
  return gateways.flatMap((gateway) => {
    const times = pings
      .filter((ping) => ping.gateway === gateway && ping.trusted !== 0)
      .map(({ at }) => Date.parse(at))
      .filter((time) => time < Date.parse(end))
    const row = availabilityOf(
      [...new Set(times)].sort((a, b) => a - b),
      Date.parse(start),
      Date.parse(end),
    )
    return row === null ? [] : [{ gw_id: gateway, ...row }]
  })
}

/** From one gateway's heartbeats, in order; null: the gateway is not listed. */
function availabilityOf(times: readonly number[], start: number, end: number): Record<string, number> | null {
  if (!times.some((time) => time >= end - 32 * DAY_MS)) return null
  const interval = intervalOf(times.filter((time) => time >= end - 7 * DAY_MS))
  const isNew = times[0] >= start
  const begins = isNew ? times[0] : start
  const expected = Math.floor((end - begins) / interval)
  const inside = times.filter((time) => time >= start)
  let seen = 0
  for (let place = 0; place < expected; place++) {
    // For a new gateway, each interval is centred on its expected heartbeat.
    const from = isNew ? place - 0.5 : place
    if (inside.some((time) => (time - begins) / interval >= from && (time - begins) / interval < from + 1)) seen++
  }
  const longest = Math.max(...gaps([begins, ...inside, end]))
  const ratio = expected === 0 ? 0 : seen / expected
  return { expected, seen, ratio, longest_gap_seconds: Math.round(longest / 1000) }
}

function intervalOf(times: readonly number[]): number {
  const sorted = gaps(times).sort((a, b) => a - b)
  if (sorted.length === 0) return 60_000
  const middle = sorted.length / 2
  const median = sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2
  return Math.min(3_600_000, Math.max(10_000, median))
}

const gaps = (times: readonly number[]) => times.slice(1).map((time, n) => time - times[n])
