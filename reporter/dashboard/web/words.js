import { h } from './dom.js'

/* Numbers and times as people read them. */

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

export const number = (value) => (value === null || value === undefined ? '–' : counts.format(value))

export const percent = (part, whole) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`)

export function bytes(value) {
  if (value === null || value === undefined) return '–'
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let unit = 0
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** URLs of this instance's listeners for examples, or what stands for them where another machine has them. */
export const listeners = (me) => me.listeners ?? { gateway: 'http://INGEST:8000', ingest: 'http://INGEST:8080' }

/** "169", or of a part of them "101 to 169 of 169". `first`: the number of its first row, `all`: the total in words. */
export const shown = (first, count, total, all = number(total)) =>
  count < total ? `${number(first)} to ${number(first + count - 1)} of ${all}` : all

/** ms of a time as the tables write it: 2024-02-29 12:00:00.000, UTC. */
export const instant = (text) => Date.parse(`${text.replace(' ', 'T')}Z`)

const pad = (value) => String(value).padStart(2, '0')

/** A time in UTC, and below it in the reader's own time where that is another. */
export function time(text) {
  if (text === null || text === undefined || text === '') return '–'
  const date = new Date(typeof text === 'number' ? text : instant(text))
  const utc = date.toISOString().slice(0, 19).replace('T', ' ')
  const sameDay = date.getDate() === date.getUTCDate()
  const day = sameDay ? '' : `${pad(date.getMonth() + 1)}-${pad(date.getDate())} `
  const local = `${day}${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())} local`
  return h(
    'time',
    { datetime: date.toISOString() },
    utc,
    date.getTimezoneOffset() === 0 ? null : h('small', null, local),
  )
}

export const ago = (text, now = Date.now()) => `${duration(Math.max(0, (now - instant(text)) / 1000))} ago`
