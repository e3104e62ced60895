import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { pseudonymKey } from '../../privacy/pseudonym.ts'
import { repeat } from '../../common/repeat.ts'
import { latestDue } from '../metrics/due.ts'
import type { TableStore } from '../../store/table-store.ts'
import { copyHistory, dropOldHistory } from './copy.ts'

export interface HistoryOptions {
  readonly store: TableStore
  /** GATEPOST_PSEUDONYM_SECRET */
  readonly secret: string
  /** For how many days tables name people. */
  readonly identifiedDays: number
  /** For how many days pseudonyms are kept. */
  readonly keptDays: number
  readonly logger: Logger
}

export interface HistoryStats {
  /** Failed attempts, which are repeated. */
  failures: number
  /** Logins before this day have been copied, ms since the epoch; null: not yet. */
  currentTo: number | null
}

export interface History {
  /** Live counters. */
  readonly stats: HistoryStats
  /** Waits for the current statement. */
  stop(): Promise<void>
}

const LOOK_EVERY_MS = 60_000

/**
 * Keeps login_history current: copies shortly after each UTC midnight, and missing days at once. Running it twice at the same time is
 * harmless.
 */
export function startHistory({ store, secret, identifiedDays, keptDays, logger }: HistoryOptions): History {
  const key = pseudonymKey(secret)
  const stats: HistoryStats = { failures: 0, currentTo: null }
  const repeated = repeat(async (stopped) => {
    const now = new Date()
    const due = latestDue(now).getTime()
    if (stats.currentTo === due) return LOOK_EVERY_MS
    try {
      const days = await copyHistory(store, key, identifiedDays, now, stopped)
      if (days > 0) {
        logger.info({ event: 'login_history.copied', days }, 'logins were copied under pseudonyms')
        await dropOldHistory(store, keptDays, now)
      }
      if (!stopped()) stats.currentTo = due
    } catch (error) {
      stats.failures++
      logger.warn(
        { event: 'login_history.copy_failed', error: messageOf(error) },
        'the logins could not be copied under pseudonyms; trying again in a minute',
      )
    }
    return LOOK_EVERY_MS
  })
  return { stats, stop: () => repeated.stop() }
}
