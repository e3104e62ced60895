import type { Compared } from './rounds.ts'

/** Columns as wide as they must be; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd()
  return [header, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n')
}

export function comparedTable(rows: readonly Compared[]): string {
  return table(
    ['server', 'conns', 'requests/s', 'ratio', 'of rounds', 'p50 ms', 'p95 ms', 'p99 ms', 'errors', 'kept (sample)'],
    rows.map((row) => [
      row.server,
      String(row.connections),
      row.requests_per_second.toLocaleString('en'),
      row.ratio.toFixed(2),
      `${row.ratio_min.toFixed(2)}-${row.ratio_max.toFixed(2)}`,
      row.p50_ms.toFixed(2),
      row.p95_ms.toFixed(2),
      row.p99_ms.toFixed(2),
      String(row.errors),
      row.sampled === null ? '-' : `${row.sampled.kept} of ${row.sampled.answers}`,
    ]),
  )
}

/** "0.57 of bare uWebSockets; limit 0.45: above" */
export function againstLimit(what: string, ratio: number, limit: number): string {
  return `${what}: ${ratio.toFixed(2)} of bare; limit ${limit.toFixed(2)}: ${ratio >= limit ? 'above' : 'BELOW'}`
}
