import { GatepostError } from '../common/errors.ts'
import { normalMac } from '../common/mac.ts'
import { parseDuration } from '../runtime/config/values.ts'

/* Values of options that several commands take. Each throws GatepostError INPUT_INVALID. */

const MAX_LINES = 100_000

export function wholeNumberOption(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new GatepostError('INPUT_INVALID', `${option} ${text}: allowed is a whole number, ${min} to ${max}`)
}

export function lineLimit(text: string): number {
  return wholeNumberOption('--limit', text, 1, MAX_LINES)
}

/** In the normal form. */
export function macOption(option: string, text: string): string {
  const mac = normalMac(text)
  if (mac === '') throw new GatepostError('INPUT_INVALID', `${option} ${text}: not a MAC, such as 50:a6:7f:84:9c:d1`)
  return mac
}

/** A UTC time, or a duration before (-1) or after (1) now. A time on the other side of now is refused. */
export function timeOption(option: string, text: string, now: Date, direction: -1 | 1): Date {
  const span = parseDuration(text)
  const time = span === undefined ? instantOf(text) : new Date(now.getTime() + direction * span)
  if (time === undefined) {
    throw new GatepostError(
      'INPUT_INVALID',
      `${option} ${text}: allowed is a time of the calendar (UTC) as 2024-02-29T13:00, or a duration as 2h or 3d`,
    )
  }
  if (direction * (time.getTime() - now.getTime()) < 0) {
    throw new GatepostError('INPUT_INVALID', `${option} ${text}: is in the ${direction === 1 ? 'past' : 'future'}`)
  }
  return time
}

/** Undefined: not a valid calendar time. */
function instantOf(text: string): Date | undefined {
  const [, day, time = '00:00'] = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?))?Z?$/.exec(text) ?? []
  if (day === undefined) return undefined
  // Date accepts 2023-02-30 and turns it into 2 March.
  const midnight = new Date(`${day}T00:00Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== day) return undefined
  const instant = new Date(`${day}T${time}Z`)
  return Number.isNaN(instant.getTime()) ? undefined : instant
}
