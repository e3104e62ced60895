import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { repeat } from '../../common/repeat.ts'
import type { TableStore } from '../../store/table-store.ts'
import { readSource } from './fetch.ts'
import { parseLocations } from './parse.ts'
import { replaceLocations } from './table.ts'

/*
 * Keeps the locations equal to a file or URL. A failed import changes nothing: metrics with yesterday's locations are better than metrics
 * without any. Several reporters may do this, since each import is atomic.
 */

export interface LocationScheduleOptions {
  readonly store: TableStore
  /** File, or http(s) URL. */
  readonly source: string
  readonly everyMs: number
  readonly logger: Logger
}

export interface LocationScheduleStats {
  /** Imports since the start. */
  imports: number
  /** Imports that failed, and changed nothing. */
  failures: number
  /** Time of the latest import, ms since the epoch; null: none since the start. */
  latest: number | null
  /** Locations of the latest import; null: none since the start. */
  locations: number | null
}

export interface LocationSchedule {
  /** Live counters. */
  readonly stats: LocationScheduleStats
  /** Waits for the current import. */
  stop(): Promise<void>
}

/** A server that is down comes back sooner than the next day. */
const AGAIN_AFTER_MS = 10 * 60_000

/** Imports now, and then at this interval; after a failure, ten minutes later if that is sooner. */
export function startLocations(options: LocationScheduleOptions): LocationSchedule {
  const stats: LocationScheduleStats = { imports: 0, failures: 0, latest: null, locations: null }
  const repeated = repeat(async (stopped) => {
    const imported = await importLocations(options, stats, stopped)
    return imported ? options.everyMs : Math.min(options.everyMs, AGAIN_AFTER_MS)
  })
  return { stats, stop: () => repeated.stop() }
}

/** Never rejects. @returns whether the import succeeded */
async function importLocations(
  { store, source, logger }: LocationScheduleOptions,
  stats: LocationScheduleStats,
  stopped: () => boolean,
): Promise<boolean> {
  try {
    const locations = parseLocations(await readSource(source))
    if (stopped()) return false
    await replaceLocations(store, locations)
    stats.imports++
    stats.latest = Date.now()
    stats.locations = locations.length
    logger.info({ event: 'locations.imported', locations: locations.length }, 'locations imported')
    return true
  } catch (error) {
    stats.failures++
    logger.error(
      { event: 'locations.import_failed', error: messageOf(error) },
      'the locations could not be imported; those that are there stay',
    )
    return false
  }
}
