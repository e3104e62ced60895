import type { Output } from '../common/output.ts'

export const terminal: Output = {
  line: (text) => process.stdout.write(text + '\n'),
  json: (value) => process.stdout.write(JSON.stringify(value) + '\n'),
  note: (text) => process.stderr.write(text + '\n'),
}

/**
 * Aligned columns of text, numbers to the right. Headings are bold on a terminal.
 * Control characters are replaced: rows hold untrusted input, and a terminal would execute escape sequences.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  bold = process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
): string {
  const cells = rows.map((row) => row.map((cell) => printable(String(cell))))
  const widths = headings.map((heading, i) => Math.max(heading.length, ...cells.map((row) => row[i].length)))
  const numeric = headings.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'))
  const format = (row: readonly string[]) =>
    row
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd()
  const head = format(headings)
  return [bold ? `\x1b[1m${head}\x1b[0m` : head, ...cells.map(format)].join('\n')
}

function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}
