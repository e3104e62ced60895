/*
 * A metric's date D is the day (or hour) that begins when its window ends. People read and write the day, the ISO week or the month that the
 * window covers.
 */

const HOUR = 3_600_000
const DAY = 24 * HOUR

const beginningOf = (date) => new Date(date.length === 13 ? `${date}:00:00Z` : `${date}T00:00:00Z`)
const dayOf = (time) => new Date(time).toISOString().slice(0, 10)

function monthBefore(date) {
  const begins = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, 1))
  const days = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 0)).getUTCDate()
  begins.setUTCDate(Math.min(date.getUTCDate(), days))
  return begins
}

/** When the window begins that ends with D. */
export function windowBegins(period, date) {
  const ends = beginningOf(date)
  if (period === 'month') return monthBefore(ends)
  return new Date(ends.getTime() - { hour: HOUR, day: DAY, week: 7 * DAY }[period])
}

/** 2026-W47, by ISO 8601: the week of the year that has its Thursday. */
function isoWeek(monday) {
  const thursday = new Date(monday.getTime() + 3 * DAY)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * DAY)) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}

/** What the window covers, as people say it: 2026-11-22, 2026-W47, 2026-10; or from the first to the last day of it. */
export function covered(period, date) {
  const begins = windowBegins(period, date)
  if (period === 'hour') return `${dayOf(begins)} ${String(begins.getUTCHours()).padStart(2, '0')}:00`
  if (period === 'day') return dayOf(begins)
  if (period === 'week' && begins.getUTCDay() === 1) return isoWeek(begins)
  if (period === 'month' && begins.getUTCDate() === 1) return dayOf(begins).slice(0, 7)
  return `${dayOf(begins)} to ${dayOf(beginningOf(date).getTime() - DAY)}`
}

/** The D of the window that covers a day, if it is over or the period is a day; what is no day stays as it is, for the API to refuse. */
function dateCovering(period, day, isLast) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(Date.parse(day))) return day
  const begins = beginningOf(day)
  if (period === 'hour') return isLast ? `${dayOf(begins.getTime() + DAY)}T00` : `${day}T01`
  if (period === 'day') return dayOf(begins.getTime() + DAY)
  if (period === 'week') return dayOf(begins.getTime() + (7 - ((begins.getUTCDay() + 6) % 7)) * DAY)
  return dayOf(Date.UTC(begins.getUTCFullYear(), begins.getUTCMonth() + 1))
}

/** The first and the last D for a time from one day to another; undefined: as the API has it. The last window is one that is over. */
export function datesFor(period, fromDay, toDay, now = Date.now()) {
  const from = fromDay ? dateCovering(period, fromDay, false) : undefined
  let to = toDay ? dateCovering(period, toDay, true) : undefined
  if (to !== undefined && period !== 'day' && beginningOf(to) > now) to = undefined
  return { from, to }
}
