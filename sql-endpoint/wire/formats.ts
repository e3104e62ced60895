import { SqlError } from '../errors.ts'

/**
 * How the chunks of a streamed result, each a complete document of its format, make one document:
 * `rows`: by following one another; `lines`: after the first, without so many header lines; `binary`: after the first, without names (1) or
 * names and types (2); `native`: as rows, with the block header that the client's revision has;
 * `whole`: they don't, so the result is made in one piece, within its limit.
 */
export type Joining =
  | { readonly kind: 'rows' | 'native' | 'whole' }
  | { readonly kind: 'lines' | 'csv' | 'binary'; readonly headers: 1 | 2 }

const ROWS: Joining = { kind: 'rows' }
const WHOLE: Joining = { kind: 'whole' }

const JOININGS: Record<string, Joining> = { Native: { kind: 'native' } }
const TEXT = 'text/plain; charset=UTF-8'
const TYPES: Record<string, string> = {}

function add(names: string, joining: Joining, type: string): void {
  for (const name of names.split(/\s+/)) {
    JOININGS[name] = joining
    TYPES[name] = type
  }
}
add(
  'JSONEachRow JSONLines JSONL NDJSON JSONStringsEachRow JSONCompactEachRow JSONCompactStringsEachRow',
  ROWS,
  'application/x-ndjson; charset=UTF-8',
)
add('TabSeparated TSV TabSeparatedRaw TSVRaw Raw TSKV LineAsString', ROWS, 'text/tab-separated-values; charset=UTF-8')
add('CSV', ROWS, 'text/csv; charset=UTF-8; header=absent')
add('RowBinary RawBLOB MsgPack BSONEachRow', ROWS, 'application/octet-stream')
add('Null', ROWS, TEXT)
for (const [suffix, headers] of [
  ['WithNames', 1],
  ['WithNamesAndTypes', 2],
] as const) {
  const named = (names: string): string =>
    names
      .split(' ')
      .map((name) => name + suffix)
      .join(' ')
  add(
    named('TabSeparated TSV TabSeparatedRaw TSVRaw Raw'),
    { kind: 'lines', headers },
    'text/tab-separated-values; charset=UTF-8',
  )
  add(
    named('JSONCompactEachRow JSONCompactStringsEachRow'),
    { kind: 'lines', headers },
    'application/x-ndjson; charset=UTF-8',
  )
  add(named('CSV'), { kind: 'csv', headers }, 'text/csv; charset=UTF-8; header=present')
  add(named('RowBinary'), { kind: 'binary', headers }, 'application/octet-stream')
}
add(
  `JSON JSONStrings JSONCompact JSONCompactStrings JSONColumns JSONCompactColumns JSONColumnsWithMetadata
  JSONObjectEachRow PrettyNDJSON PrettyJSONLines PrettyJSONEachRow GeoJSON JSONEachRowWithProgress
  JSONStringsEachRowWithProgress JSONCompactEachRowWithProgress JSONCompactStringsEachRowWithProgress`.trim(),
  WHOLE,
  'application/json; charset=UTF-8',
)
add(
  `Pretty PrettyNoEscapes PrettyMonoBlock PrettyNoEscapesMonoBlock PrettyCompact PrettyCompactNoEscapes
  PrettyCompactMonoBlock PrettyCompactNoEscapesMonoBlock PrettySpace PrettySpaceNoEscapes PrettySpaceMonoBlock
  PrettySpaceNoEscapesMonoBlock Vertical Values Markdown MD SQLInsert Prometheus Hash CustomSeparated
  CustomSeparatedWithNames CustomSeparatedWithNamesAndTypes`,
  WHOLE,
  TEXT,
)
add('XML', WHOLE, 'application/xml; charset=UTF-8')
add('Parquet Arrow ArrowStream ORC Avro Npy Buffers', WHOLE, 'application/octet-stream')
TYPES['Native'] = 'application/octet-stream'

const BY_LOWER = new Map(Object.keys(JOININGS).map((name) => [name.toLowerCase(), name]))

/** In lower case. */
export const OUTPUT_FORMATS: ReadonlySet<string> = new Set(BY_LOWER.keys())

/** Output formats that need no schema file, registry or server of their own. @throws SqlError UNKNOWN_FORMAT */
export function outputFormat(name: string): { name: string; joining: Joining; contentType: string } {
  const canonical = BY_LOWER.get(name.toLowerCase())
  const joining = canonical === undefined ? undefined : JOININGS[canonical]
  if (canonical === undefined || joining === undefined) {
    throw new SqlError('UNKNOWN_FORMAT', `Format ${name} is not available for output here`)
  }
  return { name: canonical, joining, contentType: TYPES[canonical] ?? TEXT }
}

/** Input formats of INSERT, in lower case: those that only parse the bytes they are given. */
export const INPUT_FORMATS: ReadonlySet<string> = new Set(
  `JSONEachRow JSONLines JSONL NDJSON JSONStringsEachRow JSONCompactEachRow JSONCompactStringsEachRow
  JSONCompactEachRowWithNames JSONCompactEachRowWithNamesAndTypes JSONCompactStringsEachRowWithNames
  JSONCompactStringsEachRowWithNamesAndTypes JSON JSONCompact JSONColumns JSONCompactColumns JSONColumnsWithMetadata
  JSONObjectEachRow JSONAsString JSONAsObject TabSeparated TSV TabSeparatedRaw TSVRaw TabSeparatedWithNames TSVWithNames
  TabSeparatedWithNamesAndTypes TSVWithNamesAndTypes TabSeparatedRawWithNames TSVRawWithNames
  TabSeparatedRawWithNamesAndTypes TSVRawWithNamesAndTypes CSV CSVWithNames CSVWithNamesAndTypes TSKV Values
  LineAsString RawBLOB RowBinary RowBinaryWithNames RowBinaryWithNamesAndTypes Native MsgPack BSONEachRow Avro
  Parquet Arrow ArrowStream ORC`
    .split(/\s+/)
    .map((name) => name.toLowerCase()),
)

export function allowsInputFormat(name: string): boolean {
  return INPUT_FORMATS.has(name.toLowerCase())
}
