/** The results for one kind of fault. */
export interface FaultRow {
  readonly fault: string
  times: number
  acknowledged: number
  lost: number
  duplicated: number
  /** From the end of the fault until a record of every route was acknowledged by every ingest and in its table, ms; the longest. */
  longestRecoveryMs: number
}

export function faultTable(rows: readonly FaultRow[]): string {
  const head = ['fault', 'times', 'acknowledged', 'lost', 'duplicated', 'longest recovery']
  const cells = rows.map((row) => [
    row.fault,
    String(row.times),
    String(row.acknowledged),
    String(row.lost),
    String(row.duplicated),
    `${(row.longestRecoveryMs / 1000).toFixed(1)} s`,
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column].length)))
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ')
  return [line(head), ...cells.map(line)].join('\n')
}
