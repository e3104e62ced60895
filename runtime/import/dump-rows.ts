import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parse } from 'csv-parse'

/* Rows of table `sessions` of the GovWifi logging API: out of a dump by mysqldump, or a CSV file with a line of column names. */

export interface DumpRow {
  /** From 1; of a dump the line of its statement. */
  readonly line: number
  readonly values: Readonly<Record<string, string | null>>
}

const TABLE = 'sessions'
const MAX_RECORD = 64 * 1024

/** @throws the file system's error; Error: the file is neither, with the line */
export function dumpRows(path: string): AsyncGenerator<DumpRow> {
  return /\.(csv|tsv)$/i.test(path) ? csvRows(path) : mysqlRows(path)
}

async function* csvRows(path: string): AsyncGenerator<DumpRow> {
  const rows = createReadStream(path).pipe(
    parse({
      columns: true,
      bom: true,
      info: true,
      delimiter: /\.tsv$/i.test(path) ? '\t' : ',',
      max_record_size: MAX_RECORD,
      relax_column_count: false,
    }),
  )
  for await (const { record, info } of rows as AsyncIterable<{
    record: Record<string, string>
    info: { lines: number }
  }>) {
    const isNull = (text: string) => text === 'NULL' || text === '\\N'
    const values = Object.fromEntries(Object.entries(record).map(([name, text]) => [name, isNull(text) ? null : text]))
    yield { line: info.lines, values }
  }
}

const CREATE = new RegExp(`^CREATE TABLE (?:IF NOT EXISTS )?\`${TABLE}\` \\(`)
const INSERT = new RegExp(`^INSERT INTO \`${TABLE}\` (?:\\(([^)]*)\\) )?VALUES ?`)

/** mysqldump writes a statement in one line, and a line break in a value as \n. */
async function* mysqlRows(path: string): AsyncGenerator<DumpRow> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  let line = 0
  let created: string[] | null = null
  let columns: string[] = []
  for await (const text of lines) {
    line++
    if (CREATE.test(text)) created = []
    else if (created !== null) {
      const name = /^\s+`([^`]+)` /.exec(text)?.[1]
      if (name !== undefined) created.push(name)
      else if (text.startsWith(')')) {
        columns = created
        created = null
      }
    } else {
      const found = INSERT.exec(text)
      if (found === null) continue
      const names =
        found[1] === undefined ? columns : found[1].split(',').map((name) => name.trim().replaceAll('`', ''))
      if (names.length === 0)
        throw new Error(`line ${line}: the columns of ${TABLE} are not known: there is no CREATE TABLE`)
      for (const values of tuples(text, found[0].length, line)) {
        if (values.length !== names.length)
          throw new Error(`line ${line}: a row has ${values.length} values, and the table ${names.length} columns`)
        yield { line, values: Object.fromEntries(names.map((name, index) => [name, values[index]])) }
      }
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0', Z: '\x1a', b: '\b' }

/** `(1,'a',NULL),(2,…);` */
function* tuples(text: string, start: number, line: number): Generator<(string | null)[]> {
  const value = /\s*(?:'((?:[^'\\]|\\.|'')*)'|(NULL)|([-+.\w]+))\s*([,)])/suy
  let at = start
  while (text[at] === '(') {
    const values: (string | null)[] = []
    at++
    for (;;) {
      value.lastIndex = at
      const found = value.exec(text)
      if (found === null) throw new Error(`line ${line}: no value at character ${at + 1}`)
      const [all, quoted, isNull, plain, end] = found
      at += all.length
      values.push(
        isNull !== undefined
          ? null
          : (plain ??
              quoted.replace(/\\(.)|''/gs, (_pair, escaped: string | undefined) =>
                escaped === undefined ? "'" : (ESCAPES[escaped] ?? escaped),
              )),
      )
      if (end === ')') break
    }
    yield values
    while (text[at] === ',' || text[at] === ' ') at++
  }
  if (text[at] !== ';' && at < text.length) throw new Error(`line ${line}: no row at character ${at + 1}`)
}
