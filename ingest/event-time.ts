import { parseUtcText } from './parse/utc-text.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** A time further in the future than this is not believed: the clocks of two machines differ by less. */
export const MAX_SKEW_MS = 60_000

/** `too_old`: the row would be deleted as soon as it is stored. */
export type EventTime = { readonly at: number } | 'none' | 'unreadable' | 'ahead' | 'too_old'

/**
 * When a login happened, by a sender that may say so.
 * @param text seconds since the epoch, with or without a fraction, or a date with its zone
 * @param keptDays days for which logins are kept
 */
export function eventTime(text: string, now: number, keptDays: number): EventTime {
  if (text === '') return 'none'
  const at = /^\d{9,11}(\.\d{1,9})?$/.test(text) ? Math.floor(Number(text) * 1000) : parseUtcText(text)
  if (Number.isNaN(at)) return 'unreadable'
  if (at > now + MAX_SKEW_MS) return 'ahead'
  return at < now - keptDays * DAY_MS ? 'too_old' : { at }
}
