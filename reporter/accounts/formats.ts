import { pipeline, Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { COLUMNS, type Column, type Values } from './account.ts'
import { linesOf, MAX_RECORD_CHARACTERS } from './text.ts'

export const FORMATS = ['csv', 'jsonl', 'mysql'] as const
export type Format = (typeof FORMATS)[number]

/** One record of a file, with its line. A problem in one record does not stop the reading of the others. */
export interface FileRecord {
  readonly line: number
  readonly values: Values
  readonly problem?: string
}

/** The columns of a file, known after its first record has been read. */
export interface FileColumns {
  readonly present: Set<Column>
  /** Names of the columns that are not read. */
  readonly ignored: Set<string>
}

/** Guesses the format from the file's name. */
export function formatOf(source: string): Format {
  if (/\.(jsonl|ndjson|json)$/i.test(source)) return 'jsonl'
  return /\.(tsv|tab)$/i.test(source) ? 'mysql' : 'csv'
}

/**
 * Reads the records of a file.
 * @throws GatepostError INPUT_INVALID: it does not have this format, or ends in the middle
 */
export function recordsOf(
  pieces: AsyncIterable<string>,
  format: Format,
  columns: FileColumns,
): AsyncGenerator<FileRecord> {
  return format === 'jsonl' ? jsonLines(pieces, columns) : delimited(pieces, format, columns)
}

async function* jsonLines(pieces: AsyncIterable<string>, columns: FileColumns): AsyncGenerator<FileRecord> {
  let line = 0
  for await (const text of linesOf(pieces)) {
    line++
    const content = line === 1 ? text.replace(/^\ufeff/, '') : text
    if (content.trim() === '') continue
    try {
      const value = JSON.parse(content) as unknown
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object')
      for (const name of Object.keys(value)) note(name, columns)
      yield { line, values: value }
    } catch (error) {
      yield { line, values: {}, problem: `not a JSON object: ${messageOf(error)}` }
    }
  }
}

/** CSV with a header (RFC 4180), or what `mysql --batch` prints: tab-separated, with backslashes and NULL. */
async function* delimited(
  pieces: AsyncIterable<string>,
  format: 'csv' | 'mysql',
  columns: FileColumns,
): AsyncGenerator<FileRecord> {
  const end = { last: '' }
  const [first, whole] = await peek(watched(pieces, end))
  const tabs = format === 'mysql' && first.includes('\t')
  const parser = parse({
    bom: true,
    columns: (names: string[]) => header(names, columns),
    delimiter: tabs ? '\t' : ',',
    // mysql --batch does not quote: a quotation mark is an ordinary character there.
    quote: tabs ? null : '"',
    info: true,
    max_record_size: MAX_RECORD_CHARACTERS,
    skip_empty_lines: true,
  })
  pipeline(Readable.from(whole), parser, () => {
    // The parser is destroyed with the error, which the loop below throws.
  })
  const value = format === 'csv' ? orNull : tabs ? fromBatch : fromMysqlCsv
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      const values: Partial<Record<Column, unknown>> = {}
      for (const column of columns.present) values[column] = value(record[column])
      yield { line: info.lines, values }
    }
  } catch (error) {
    if (error instanceof CsvError) throw new GatepostError('INPUT_INVALID', `not ${format}: ${error.message}`, error)
    throw error
  }
  // Without a final line break, a file that was cut off within its last value would look complete.
  if (end.last !== '' && end.last !== '\n') {
    throw new GatepostError('INPUT_INVALID', 'the last line has no line break: the file may not be whole')
  }
}

interface Parsed {
  readonly record: Readonly<Record<string, string>>
  readonly info: { readonly lines: number }
}

async function* watched(pieces: AsyncIterable<string>, end: { last: string }): AsyncGenerator<string> {
  for await (const piece of pieces) {
    if (piece !== '') end.last = piece.slice(-1)
    yield piece
  }
}

/** Returns the first line, and all pieces including it. */
async function peek(pieces: AsyncIterator<string>): Promise<[string, AsyncGenerator<string>]> {
  let start = ''
  for (;;) {
    const next = await pieces.next()
    if (next.done === true) break
    start += next.value
    if (start.includes('\n') || start.length > MAX_RECORD_CHARACTERS) break
  }
  async function* again(): AsyncGenerator<string> {
    yield start
    for (;;) {
      const next = await pieces.next()
      if (next.done === true) return
      yield next.value
    }
  }
  return [start.split('\n')[0], again()]
}

function header(names: readonly string[], columns: FileColumns): string[] {
  const wanted = names.map((name) => name.trim().toLowerCase())
  for (const name of wanted) note(name, columns)
  for (const name of ['username', 'created_at'] as const) {
    if (columns.present.has(name)) continue
    throw new GatepostError(
      'INPUT_INVALID',
      `the first line does not name the column ${name} (of ${COLUMNS.join(', ')})`,
    )
  }
  const twice = wanted.find((name, index) => wanted.indexOf(name) !== index && isColumn(name))
  if (twice !== undefined) throw new GatepostError('INPUT_INVALID', `the first line names ${twice} twice`)
  return wanted
}

/** A JSON lines file may have any number of names. */
const MAX_IGNORED = 100

function note(name: string, { present, ignored }: FileColumns): void {
  if (isColumn(name)) present.add(name)
  else if (ignored.size < MAX_IGNORED) ignored.add(name)
}

function isColumn(name: string): name is Column {
  return (COLUMNS as readonly string[]).includes(name)
}

function orNull(value: string): string | null {
  return value === '' ? null : value
}

/** MySQL's zero date means that there is no date. */
function fromMysqlCsv(value: string): string | null {
  return value === '' || value === 'NULL' || value === '\\N' || value.startsWith('0000-00-00') ? null : value
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' }

function fromBatch(value: string): string | null {
  const plain = fromMysqlCsv(value)
  return plain === null ? null : plain.replace(/\\([ntr0\\])/g, (_, letter: string) => ESCAPES[letter])
}
