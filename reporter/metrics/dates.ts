import { addMonths, beginningOf, DAY_MS, dayOf, HOUR_MS, type Period } from './window.ts'

/*
 * D, the date of a metric: 2024-02-29, or 2024-02-29T13 where the period is an hour. The window ends when it begins.
 */

/** D as text. */
export function dateText(period: Period, instant: Date): string {
  return instant.toISOString().slice(0, period === 'hour' ? 13 : 10)
}

/** The instant at which D begins; undefined if the text is no D of the period. A day alone is its first hour. */
export function instantOf(period: Period, text: string): Date | undefined {
  if (period !== 'hour') return beginningOf(text)
  const [, day, hour = '00'] = /^(.{10})(?:T([01]\d|2[0-3]))?$/.exec(text) ?? []
  const begins = beginningOf(day ?? '')
  return begins && new Date(begins.getTime() + Number(hour) * HOUR_MS)
}

/** The D whose window is the latest that is over: the beginning of this day, or hour. */
export function latestComplete(period: Period, now: Date): Date {
  if (period === 'hour') return new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS)
  return beginningOf(dayOf(now)) as Date
}

/** The latest D allowed: its window holds this day, or hour, so far. */
export function latestAllowed(period: Period, now: Date): Date {
  return new Date(latestComplete(period, now).getTime() + (period === 'hour' ? HOUR_MS : DAY_MS))
}

/**
 * From one D to another, both included, in steps of the period. Months are counted from the first, so that after
 * 31 January and 29 February there comes 31 March.
 */
export function* datesBetween(period: Period, from: Date, to: Date): Generator<Date> {
  for (let step = 0; ; step++) {
    const date = period === 'month' ? addMonths(from, step) : new Date(from.getTime() + step * STEP_MS[period])
    if (date > to) return
    yield date
  }
}

const STEP_MS = { hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS } as const
