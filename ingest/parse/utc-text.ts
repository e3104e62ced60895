/** RFC 3339, and what FreeRADIUS prints of a date: `Nov 29 2026 06:30:15 UTC`. The zone must be there. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/i
const FREERADIUS = /^[A-Z][a-z]{2} {1,2}\d{1,2} \d{4} \d{2}:\d{2}:\d{2} (UTC|GMT)$/

/** @returns ms since the epoch; NaN: not a date, or one without its zone */
export function parseUtcText(text: string): number {
  return RFC_3339.test(text) || FREERADIUS.test(text) ? Date.parse(text) : NaN
}
