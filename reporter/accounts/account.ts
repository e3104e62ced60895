import { sqlTime } from '../../common/sql-time.ts'

/** The columns that an import reads; other columns of a file, such as passwords, are skipped. */
export const COLUMNS = ['username', 'contact', 'sponsor', 'created_at', 'last_login'] as const
export type Column = (typeof COLUMNS)[number]

/** One account of a file, in the form the engine expects. */
export type AccountRow = Readonly<Record<Column, string | null>> & {
  /** Its line in the file, from 1. */
  readonly line: number
}

/** A value in the file; undefined: the file has no such column; null: no value. */
export type Values = Readonly<Partial<Record<Column, unknown>>>

const MAX_NAME = 255
const MAX_TEXT = 1000
const DAY_MS = 86_400_000
/** The earliest time of DateTime64(3). */
const EARLIEST = Date.UTC(1900, 0, 1)

/** The account, or a text that says what is wrong. Times in the future are refused, with a tolerance for time zones. */
export function checkAccount(values: Values, line: number, now: Date): AccountRow | string {
  const username = typeof values.username === 'string' ? values.username.trim() : ''
  if (username === '') return `username ${quote(values.username)} is not a name`
  if (username.length > MAX_NAME) return `username is longer than ${MAX_NAME} characters`
  const texts: Record<string, string | null> = {}
  for (const column of ['contact', 'sponsor'] as const) {
    const value = values[column] ?? null
    if (value !== null && typeof value !== 'string') return `${column} ${quote(value)} is not text`
    if (value !== null && value.length > MAX_TEXT) return `${column} is longer than ${MAX_TEXT} characters`
    texts[column] = value
  }
  const times: Record<string, string | null> = {}
  for (const column of ['created_at', 'last_login'] as const) {
    const value = values[column] ?? null
    const time = value === null ? null : instantOf(value)
    if (time === undefined || (time === null && column === 'created_at')) {
      return `${column} ${quote(values[column])} is not a time; write it as 2024-02-29 13:00:00 (UTC)`
    }
    if (time !== null && time > now.getTime() + DAY_MS) return `${column} ${quote(value)} is in the future`
    times[column] = time === null ? null : sqlTime(time)
  }
  return { line, username, ...texts, ...times } as AccountRow
}

const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(?: ?(Z|UTC|[+-]\d{2}:?\d{2}))?)?$/

/** ms since the epoch; UTC if the text has no zone. Undefined: not a valid calendar time. */
function instantOf(value: unknown): number | undefined {
  const parts = typeof value === 'string' ? TIME.exec(value.trim()) : null
  if (parts === null) return undefined
  const [, day, time = '00:00', zone = 'Z'] = parts
  const midnight = new Date(`${day}T00:00:00Z`)
  // Date accepts 2023-02-30 and turns it into 2 March.
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== day) return undefined
  const offset = zone === 'UTC' ? 'Z' : zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')
  const instant = Date.parse(`${day}T${time}${offset}`)
  return Number.isNaN(instant) || instant < EARLIEST ? undefined : instant
}

function quote(value: unknown): string {
  if (value === undefined || value === null || value === '') return '(missing)'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}
