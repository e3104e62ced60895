import { recordsOf, type Format } from '../../reporter/accounts/formats.ts'
import { parseLocations } from '../../reporter/locations/parse.ts'
import { csv } from '../../common/csv.ts'
import type { Parser } from './growth.ts'

/* Files that are imported, and what is written for spreadsheets. */

const PIECES = [
  '"',
  '""',
  ',',
  '\n',
  '\r\n',
  '\t',
  '\\',
  '\\n',
  'a',
  'NULL',
  ' ',
  '=',
  'é',
  'a,2024-02-29,b\n',
  '"a","b","c"\n',
]

// eslint-disable-next-line @typescript-eslint/require-await -- an async source of what is there
async function* cut(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

async function readAccounts(text: string, format: Format, size: number): Promise<void> {
  for await (const record of recordsOf(cut(text, size), format, { present: new Set(), ignored: new Set() }))
    if (record.line < 0) return
}

function accounts(format: Format, head: string, more: readonly string[] = []): Parser {
  const wrap = (text: string) => `${head}${text}\n`
  return {
    name: `accounts as ${format}`,
    run: (text) => readAccounts(text, format, 1000),
    pieces: [...PIECES, ...more],
    wrap,
  }
}

export const CSV_PARSERS: readonly Parser[] = [
  accounts('csv', 'username,created_at,contact\n'),
  accounts('mysql', 'username\tcreated_at\tcontact\n', ['a\t2024-02-29\tb\n']),
  accounts('jsonl', '', ['{"username":"a"}\n', '{', '[', '{"a":']),
  {
    name: 'locations as CSV',
    run: (text) => parseLocations(text),
    pieces: [...PIECES, '192.0.2.1,1,a\n'],
    wrap: (text) => `ip,location_id,name\n${text}\n`,
  },
  {
    name: 'locations as JSON',
    run: (text) => parseLocations(text),
    pieces: ['{"ip":"192.0.2.1","location_id":1},', '[', ']', '{', '}', ',', '"', ' '],
    wrap: (text) => `[${text}]`,
  },
  { name: 'CSV that is written', run: (text) => csv(['a'], [[text]]), pieces: PIECES },
  {
    name: 'many rows of CSV that are written',
    run: (text) =>
      csv(
        ['a', 'b'],
        text.split('\n').map((each) => [each, 1]),
      ),
    pieces: ['a\n', '"\n', '=1\n', '\n'],
  },
]
