import { once } from 'node:events'
import type { Output } from '../common/output.ts'

/** Pieces are collected to writes of this length. */
const WRITE_CHARACTERS = 64 * 1024

export const terminal: Output = {
  line: (text) => process.stdout.write(text + '\n'),
  json: (value) => process.stdout.write(JSON.stringify(value) + '\n'),
  note: (text) => process.stderr.write(text + '\n'),
  async stream(pieces) {
    let held = ''
    for (const piece of pieces) {
      held += piece
      if (held.length < WRITE_CHARACTERS) continue
      if (!process.stdout.write(held)) await once(process.stdout, 'drain')
      held = ''
    }
    process.stdout.write(held)
  },
}

type Row = readonly (string | number)[]

const coloured = () => process.stdout.isTTY && process.env['NO_COLOR'] === undefined

/**
 * Aligned columns of text, numbers to the right. Headings are bold on a terminal.
 * Control characters are replaced: rows hold untrusted input, and a terminal would execute escape sequences.
 */
export function table(headings: readonly string[], rows: readonly Row[], bold = coloured()): string {
  return [...tableLines(headings, () => rows, bold)].join('\n')
}

/** The lines of table(), for more rows than should be held as text. @param rows called twice, since the first pass measures them */
export function* tableLines(
  headings: readonly string[],
  rows: () => Iterable<Row>,
  bold = coloured(),
): Generator<string> {
  const widths = headings.map((heading) => heading.length)
  const numeric = headings.map(() => true)
  let count = 0
  for (const row of rows()) {
    count++
    for (const [i, cell] of row.entries()) {
      widths[i] = Math.max(widths[i], printable(String(cell)).length)
      if (typeof cell !== 'number') numeric[i] = false
    }
  }
  const format = (row: readonly string[]) =>
    row
      .map((cell, i) => (count > 0 && numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd()
  const head = format(headings)
  yield bold ? `\x1b[1m${head}\x1b[0m` : head
  for (const row of rows()) yield format(row.map((cell) => printable(String(cell))))
}

/** The pieces of a JSON array, an element a line. */
export function* jsonArray(values: Iterable<unknown>): Generator<string> {
  let before = '['
  for (const value of values) {
    yield before + JSON.stringify(value)
    before = ',\n'
  }
  yield before === '[' ? '[]\n' : ']\n'
}

export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}
