import { addMonths, beginningOf, DAY_MS, dayOf, HOUR_MS, type Period } from './window.ts'

/* D, the date of a metric: 2024-02-29, or 2024-02-29T13 if the period is an hour. The metric's window ends when D begins. */

/** D as text. */
export function dateText(period: Period, instant: Date): string {
  return instant.toISOString().slice(0, period === 'hour' ? 13 : 10)
}

/** The instant at which D begins; undefined if the text is not a valid D for the period. A day alone means its first hour. */
export function instantOf(period: Period, text: string): Date | undefined {
  if (period !== 'hour') return beginningOf(text)
  const [, day, hour = '00'] = /^(.{10})(?:T([01]\d|2[0-3]))?$/.exec(text) ?? []
  const begins = beginningOf(day ?? '')
  return begins && new Date(begins.getTime() + Number(hour) * HOUR_MS)
}

/** The D of the latest window that is over: the beginning of the current day, or hour. */
export function latestComplete(period: Period, now: Date): Date {
  if (period === 'hour') return new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS)
  return beginningOf(dayOf(now)) as Date
}

/** The latest D that the schedule stores a result of: a Monday for weeks, the first for months. See schedule.ts. */
export function latestScheduled(period: Period, now: Date): Date {
  const today = latestComplete(period, now)
  if (period === 'week') return new Date(today.getTime() - ((today.getUTCDay() + 6) % 7) * DAY_MS)
  if (period === 'month') return new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth()))
  return today
}

/** The latest D allowed: its window is the current day, or hour, so far. */
export function latestAllowed(period: Period, now: Date): Date {
  return new Date(latestComplete(period, now).getTime() + (period === 'hour' ? HOUR_MS : DAY_MS))
}

/**
 * Every D from one to another, inclusive, in steps of the period. Months are counted from the first D, so that 31 January and 29 February
 * are followed by 31 March.
 */
export function* datesBetween(period: Period, from: Date, to: Date): Generator<Date> {
  for (let step = 0; ; step++) {
    const date = period === 'month' ? addMonths(from, step) : new Date(from.getTime() + step * STEP_MS[period])
    if (date > to) return
    yield date
  }
}

const STEP_MS = { hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS } as const
