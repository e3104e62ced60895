/** Numbers of a statement, as far as they are known when the answer begins; the others are 0, as on a server. */
export interface StatementCounts {
  readonly readRows?: number
  readonly readBytes?: number
  /** Of the tables that it reads. */
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

const TAIL_BYTES = 500
const JSON_STATISTICS = /"rows_read": ?"?(\d+)"?,\s*"bytes_read": ?"?(\d+)"?\s*\}\s*\}\s*$/
const XML_STATISTICS =
  /<rows_read>(\d+)<\/rows_read>\s*<bytes_read>(\d+)<\/bytes_read>\s*<\/statistics>\s*<\/result>\s*$/

/** What was read, as the formats JSON, JSONCompact, XML and their like say at their end. */
export function statisticsIn(document: Buffer): StatementCounts {
  const tail = document.toString('latin1', Math.max(0, document.length - TAIL_BYTES))
  const match = JSON_STATISTICS.exec(tail) ?? XML_STATISTICS.exec(tail)
  return match === null ? {} : { readRows: Number(match[1]), readBytes: Number(match[2]) }
}
