import { stringify } from 'csv-stringify/sync'

export type CsvValue = string | number | boolean | null

/**
 * RFC 4180, lines ending in LF, without the last line's end. Text that a spreadsheet would take for a formula gets an
 * apostrophe before it: rows hold what strangers sent. Numbers stay numbers, also below zero.
 */
export function csv(headings: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return stringify([headings, ...rows] as CsvValue[][], {
    eof: false,
    cast: {
      boolean: String,
      string: (value) => ({ value, escape_formulas: true }),
    },
  })
}
