import type { TableStore } from '../../store/table-store.ts'

const HOURS = 24
const HOUR_MS = 3_600_000
/** Pieces per hour. */
const PIECES = 12

/** Heartbeats of the last 24 clock hours. Metric gateway-availability is the exact measure. */
export interface Strips {
  /** When the first hour begins, ms since the epoch. */
  readonly begins: number
  /** The part of the last hour that is over, 0 to 1. */
  readonly soFar: number
  /** By gateway: for each hour, oldest first, the number of five-minute pieces with a heartbeat. */
  readonly pieces: ReadonlyMap<string, readonly number[]>
}

export async function gatewayStrips(store: TableStore, now: Date): Promise<Strips> {
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
  const all = new Map<string, number[]>()
  for (const { gw_id, hour, pieces } of rows) {
    const place = Math.round((hour * 1000 - first) / HOUR_MS)
    if (place < 0 || place >= HOURS) continue
    const strip = all.get(gw_id) ?? new Array<number>(HOURS).fill(0)
    strip[place] = pieces
    all.set(gw_id, strip)
  }
  return { begins: first, soFar: (now.getTime() - last) / HOUR_MS, pieces: all }
}

/**
 * How complete a gateway's heartbeats were in each hour: 0 none, 1 as many as its interval requires. A gateway with a heartbeat every 20
 * minutes has three pieces per hour; if the interval is unknown because it has been silent, its best hour is the reference.
 */
export function completeness(
  pieces: readonly number[] = new Array<number>(HOURS).fill(0),
  intervalSeconds: number | null,
  soFar: number,
): number[] {
  const promised =
    intervalSeconds === null ? Math.max(1, ...pieces) : Math.min(PIECES, Math.max(1, 3600 / intervalSeconds))
  const shares: number[] = []
  for (const [hour, found] of pieces.entries()) {
    const expected = Math.floor(hour === pieces.length - 1 ? promised * soFar : promised)
    // While no heartbeat is due yet, an hour counts like the one before.
    const share = expected === 0 ? (shares.at(-1) ?? 0) : found / expected
    shares.push(Number(Math.min(1, share).toFixed(3)))
  }
  return shares
}
