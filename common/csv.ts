import { stringify } from 'csv-stringify/sync'

export type CsvValue = string | number | boolean | null

/**
 * RFC 4180 with LF line endings, without the final one. Text that a spreadsheet would evaluate as a formula is prefixed with an apostrophe,
 * since rows hold untrusted input. Numbers stay numbers, negative ones too.
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
