/**
 * The windows of the metrics: whole UTC days, half-open, ending when day D begins; or one hour, ending when hour D begins. Days are strings
 * (`2024-02-29`), since a Date would bring in time zones.
 */
export const PERIODS = ['day', 'week', 'month'] as const
export type Period = (typeof PERIODS)[number] | 'hour'

export interface Window {
  /** First instant inside. */
  readonly start: Date
  /** First instant after. */
  readonly end: Date
}

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** The UTC day that holds an instant. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10)
}

/** The instant at which a day begins; undefined if the text is not a day of the calendar from 1970 to 9999. */
export function beginningOf(day: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined
  const instant = new Date(`${day}T00:00:00.000Z`)
  // Date accepts 2023-02-30 and turns it into 2 March.
  if (Number.isNaN(instant.getTime()) || dayOf(instant) !== day || instant.getTime() < 0) return undefined
  return instant
}

/**
 * day = [D-1, D), week = [D-7, D), month = [D minus one calendar month, D). A month earlier is the same day of the month before, or that
 * month's last day if it has no such day: for 31 March the window begins on 28 or 29 February.
 * PRECONDITION: `end` is the beginning of a UTC day, or of an hour if the period is an hour.
 */
export function windowEnding(period: Period, end: Date): Window {
  switch (period) {
    case 'hour':
      return { start: new Date(end.getTime() - HOUR_MS), end }
    case 'day':
      return { start: new Date(end.getTime() - DAY_MS), end }
    case 'week':
      return { start: new Date(end.getTime() - 7 * DAY_MS), end }
    case 'month':
      return { start: addMonths(end, -1), end }
  }
}

/** The same day of another month, or that month's last day if it has no such day. */
export function addMonths(day: Date, months: number): Date {
  const [year, month] = [day.getUTCFullYear(), day.getUTCMonth() + months]
  const last = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  return new Date(Date.UTC(year, month, Math.min(day.getUTCDate(), last)))
}

/** [D-30 days, D) */
export function thirtyDaysBefore(end: Date): Window {
  return { start: new Date(end.getTime() - 30 * DAY_MS), end }
}

/** The days of D's month before D; empty if D is the first. */
export function monthToDate(end: Date): Window {
  return { start: firstOfMonth(end), end }
}

/** From the first day of the month before D's month until three days before D's month begins. */
export function newAccountsMonth(end: Date): Window {
  const first = firstOfMonth(end)
  return { start: addMonths(first, -1), end: new Date(first.getTime() - 3 * DAY_MS) }
}

function firstOfMonth(day: Date): Date {
  return new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), 1))
}

/**
 * The first day of which no row has expired. Rows expire one by one, so the day that contains the limit is incomplete, unless the limit is
 * exactly its beginning.
 */
export function oldestCompleteDay(now: Date, keptDays: number): Date {
  return new Date(Math.ceil((now.getTime() - keptDays * DAY_MS) / DAY_MS) * DAY_MS)
}
