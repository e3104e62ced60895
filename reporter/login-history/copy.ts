import { sqlTime } from '../../common/sql-time.ts'
import { beginning, latestDue } from '../metrics/due.ts'
import type { TableStore } from '../../store/table-store.ts'
import { DAY_MS, dayOf, oldestCompleteDay, type Window } from '../metrics/window.ts'
import { pseudonymOf, type PseudonymKey } from '../../privacy/pseudonym.ts'

/*
 * Table login_history: the days of login_calendar under pseudonyms. The whole calendar is copied once a day, which also covers late records:
 * for a hundred million logins a month this takes a minute or two of one core.
 */

/** Approximate number of rows per statement. */
const ROWS = 5_000_000
const STATEMENT_SECONDS = 600

/**
 * Copies login_calendar if a day has ended since the last copy.
 * @param identifiedDays retention of the calendar
 * @returns days that are complete now and were not before
 * @throws GatepostError of the store: what was copied by then is copied again
 */
export async function copyHistory(
  store: TableStore,
  key: PseudonymKey,
  identifiedDays: number,
  now: Date,
  stopped: () => boolean = () => false,
): Promise<number> {
  const due = latestDue(now)
  const days = await wholeDays(store, identifiedDays, now)
  const copied = new Set(await copiedDays(store, { start: new Date(0), end: due }))
  const added = days.filter((day) => !copied.has(day))
  if (added.length === 0) return 0
  const months = await store.query<{ month: string; rows: number }>(
    `SELECT toString(calendar.month) AS month, toUInt32(count()) AS rows FROM gatepost.login_calendar AS calendar
     GROUP BY calendar.month ORDER BY calendar.month`,
  )
  for (const { month, rows } of months) {
    const parts = Math.ceil(rows / ROWS)
    for (let part = 0; part < parts; part++) {
      if (stopped()) return 0
      await store.command(COPY, { ...key, month, parts, part })
    }
  }
  await store.command('INSERT INTO gatepost.login_history_days (day) SELECT arrayJoin({days:Array(Date)}) AS day', {
    days: added,
  })
  return added.length
}

const COPY = `
INSERT INTO gatepost.login_history (month, kind, subject, detail, days, accepted, last_day)
SELECT month, kind, ${pseudonymOf('subject')}, if(kind = 'mac', ${pseudonymOf('detail')}, detail), days, accepted, last_day
FROM gatepost.login_calendar
WHERE month = {month:Date} AND cityHash64(subject) % {parts:UInt32} = {part:UInt32}
SETTINGS max_execution_time = ${STATEMENT_SECONDS}`

/** Days that are over and of which no row has expired. */
async function wholeDays(store: TableStore, identifiedDays: number, now: Date): Promise<string[]> {
  const begun = await beginning(store)
  const first = Math.max(oldestCompleteDay(now, identifiedDays).getTime(), begun ?? Infinity)
  const days: string[] = []
  for (let day = first; day < latestDue(now).getTime(); day += DAY_MS) days.push(dayOf(new Date(day)))
  return days
}

async function copiedDays(store: TableStore, { start, end }: Window): Promise<string[]> {
  const rows = await store.query<{ day: string }>(
    `SELECT DISTINCT toString(copied.day) AS day FROM gatepost.login_history_days AS copied
     WHERE copied.day >= toDate({start:DateTime64(3, 'UTC')}) AND copied.day < toDate({end:DateTime64(3, 'UTC')})`,
    { start: sqlTime(start), end: sqlTime(end) },
  )
  return rows.map(({ day }) => day)
}

/** Whether login_history has every day of a window. */
export async function isInHistory(store: TableStore, window: Window): Promise<boolean> {
  const days = (window.end.getTime() - window.start.getTime()) / DAY_MS
  return Number.isInteger(days) && (await copiedDays(store, window)).length === days
}

/** Drops the months of which all days are older than `keptDays`. */
export async function dropOldHistory(store: TableStore, keptDays: number, now: Date): Promise<void> {
  const oldest = dayOf(new Date(now.getTime() - keptDays * DAY_MS))
  const months = await store.query<{ id: string }>(
    `SELECT DISTINCT toString(toYYYYMM(month)) AS id FROM gatepost.login_history
     WHERE toLastDayOfMonth(month) < {oldest:Date}`,
    { oldest },
  )
  for (const { id } of months) {
    await store.command(`ALTER TABLE gatepost.login_history DROP PARTITION {id:String}`, { id })
  }
}
