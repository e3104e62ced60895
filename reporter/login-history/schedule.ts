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
  /** How long people are named in the tables. */
  readonly identifiedDays: number
  /** How long their pseudonyms are kept. */
  readonly keptDays: number
  readonly logger: Logger
}

export interface HistoryStats {
  /** Attempts that failed and are repeated. */
  failures: number
  /** Begin of the day up to which logins were copied when it was last looked, ms since the epoch; null: not yet. */
  currentTo: number | null
}

export interface History {
  /** Live. */
  readonly stats: HistoryStats
  /** Waits for the statement under way. */
  stop(): Promise<void>
}

const LOOK_EVERY_MS = 60_000

/** Keeps login_history current: shortly after each UTC midnight, and at once what is missing. Two that do it at once do no harm. */
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
        logger.info({ days }, 'logins were copied under pseudonyms')
        await dropOldHistory(store, keptDays, now)
      }
      if (!stopped()) stats.currentTo = due
    } catch (error) {
      stats.failures++
      logger.warn(
        { error: messageOf(error) },
        'the logins could not be copied under pseudonyms; trying again in a minute',
      )
    }
    return LOOK_EVERY_MS
  })
  return { stats, stop: () => repeated.stop() }
}
