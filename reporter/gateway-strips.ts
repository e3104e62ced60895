import type { TableStore } from './table-store.ts'

const HOURS = 24
const HOUR_MS = 3_600_000

/**
 * How complete a gateway's heartbeats were in each of the last 24 clock hours, the oldest first: 0 none, 1 as many five-minute pieces with
 * a heartbeat as its interval promises. The last hour counts up to now. Metric gateway-availability is the exact one.
 */
export async function gatewayStrips(
  store: TableStore,
  now: Date,
): Promise<{ readonly begins: number; readonly strips: ReadonlyMap<string, readonly number[]> }> {
  const last = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS
  const first = last - (HOURS - 1) * HOUR_MS
  const rows = await store.query<{ gw_id: string; hour: number; pieces: number }>(
    `SELECT gw_id, toUnixTimestamp(toStartOfHour(received_at)) AS hour,
       toUInt8(uniqExact(toStartOfFiveMinutes(received_at))) AS pieces
     FROM gatepost.gateway_pings
     WHERE trusted = 1 AND received_at >= fromUnixTimestamp64Milli({first:Int64}, 'UTC')
     GROUP BY gw_id, hour`,
    { first },
  )
  const strips = new Map<string, number[]>()
  const piecesSoFar = Math.max(1, Math.ceil((now.getTime() - last) / 300_000))
  for (const { gw_id, hour, pieces } of rows) {
    const place = Math.round((hour * 1000 - first) / HOUR_MS)
    if (place < 0 || place >= HOURS) continue
    const strip = strips.get(gw_id) ?? new Array<number>(HOURS).fill(0)
    strip[place] = pieces / (place === HOURS - 1 ? piecesSoFar : 12)
    strips.set(gw_id, strip)
  }
  return { begins: first, strips }
}

/** A strip as a gateway's interval allows: one that reports every 20 minutes has three pieces of an hour. */
export function scaledStrip(strip: readonly number[] | undefined, intervalSeconds: number | null): number[] {
  const scale = Math.max(1, (intervalSeconds ?? 60) / 300)
  return (strip ?? new Array<number>(HOURS).fill(0)).map((share) => Math.min(1, Number((share * scale).toFixed(3))))
}
