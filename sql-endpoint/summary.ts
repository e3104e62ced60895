/** Numbers of a statement, as far as they are known when the answer begins; the others are 0, as on a server. */
export interface StatementCounts {
  readonly readRows?: number
  readonly readBytes?: number
  /** Of the tables that it reads; of a statement that has ended, what it has read. */
  readonly totalRows?: number
  readonly writtenRows?: number
  readonly resultRows?: number
  readonly resultBytes?: number
}

/** The header with which a server says what a statement read, wrote and returned. All values are texts. */
export function summaryHeader(started: number, counts: StatementCounts): Record<string, string> {
  const { readRows = 0, readBytes = 0, totalRows = 0, writtenRows = 0, resultRows = 0, resultBytes = 0 } = counts
  const fields = {
    read_rows: readRows,
    read_bytes: readBytes,
    written_rows: writtenRows,
    written_bytes: 0,
    total_rows_to_read: totalRows,
    result_rows: resultRows,
    result_bytes: resultBytes,
    elapsed_ns: Math.round((performance.now() - started) * 1e6),
  }
  const texts = Object.entries(fields).map(([name, value]) => [name, String(value)])
  return { 'X-ClickHouse-Summary': JSON.stringify(Object.fromEntries(texts)) }
}
