import { parseUtcText } from './parse/utc-text.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** A time further in the future than this is not believed: the clocks of two machines differ by less. */
export const MAX_SKEW_MS = 60_000

/** `unset`: of a clock that was never set. `too_old`: the row would be deleted as soon as it is stored. */
export type EventTime = { readonly at: number } | 'none' | 'unreadable' | 'ahead' | 'unset' | 'too_old'

/**
 * When a login, or an event of accounting, happened, by a sender that may say so.
 * @param text seconds since the epoch, with or without a fraction, or a date with its zone
 * @param keptDays days for which its records are kept
 * @param unsetBefore ms since the epoch
 */
export function eventTime(text: string, now: number, keptDays: number, unsetBefore = 0): EventTime {
  if (text === '') return 'none'
  const at = /^\d{9,11}(\.\d{1,9})?$/.test(text) ? Math.floor(Number(text) * 1000) : parseUtcText(text)
  if (Number.isNaN(at)) return 'unreadable'
  if (at > now + MAX_SKEW_MS) return 'ahead'
  if (at < unsetBefore) return 'unset'
  return at < now - keptDays * DAY_MS ? 'too_old' : { at }
}
