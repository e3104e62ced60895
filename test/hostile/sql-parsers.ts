import { asSqlError } from '../../sql-endpoint/errors.ts'
import { nameIn, parseAst } from '../../sql-endpoint/guard/ast.ts'
import { checkHidden } from '../../sql-endpoint/guard/hidden-columns.ts'
import { endOfInsertHead, firstWord } from '../../sql-endpoint/text.ts'
import { escapeNoUtf8, type Token } from '../../sql-endpoint/guard/tokens.ts'
import type { Parser } from './growth.ts'

/* What the SQL endpoint itself makes of a text: the engine's own lexer and parser come after it. */

const WORDS = ['INSERT', 'SELECT ', 'input (', 'VALUES', 'FORMAT ', 'WITH ', ' ', '\n', '(', ')', ',', 'a', '0']
const OPENINGS = ["'", '"', '`', "'\\", '"\\', '`\\', "''", '/*', '/*a', '*/', '--', '# ', '\\', ';']

const HIDDEN: ReadonlySet<string> = new Set(['aa.aa.aaa', 'abaabaab', 'a.ab'])

function tokensOf(texts: readonly string[]): Token[] {
  const kindOf = (text: string): string =>
    text === '.' ? 'Dot' : text.startsWith('`') ? 'QuotedIdentifier' : 'BareWord'
  return texts.map((text) => ({ kind: kindOf(text), text, begin: 0, end: 0 }))
}

/** What is refused was read all the same. */
function attempt(run: () => unknown): void {
  try {
    run()
  } catch {
    // An SqlError.
  }
}

export const SQL_PARSERS: readonly Parser[] = [
  { name: 'first word of a statement', run: firstWord, pieces: [...WORDS, ...OPENINGS] },
  {
    name: "where an INSERT's data begins",
    run: endOfInsertHead,
    pieces: [...WORDS, ...OPENINGS],
    wrap: (text) => `INSERT INTO t ${text}`,
  },
  {
    name: 'the name in a node of the syntax tree',
    run: (detail) => nameIn({ kind: 'Function', detail, children: [] }),
    pieces: [' ', ' (alias ', '(', ')', 'a', '`', '"', ' (alias "'],
  },
  {
    name: 'a line of the syntax tree',
    run: (text) => attempt(() => parseAst(`SelectQuery ${text}`)),
    pieces: [' ', '(children 1)', ' (children ', '1', ')', 'a', ':', '\u2028', '"'],
  },
  {
    name: 'bytes of literals that are no UTF-8',
    run: (text) => escapeNoUtf8(Buffer.from(text, 'latin1')),
    pieces: ['a', '\\', '\x80', '\xc3', '\xc3\xa9', '\xe2\x82', '\xf0\x9f\x93', '\xff'],
  },
  {
    name: 'a quoted name with dots, among hidden columns',
    run: (text) => attempt(() => checkHidden(tokensOf([`\`${text}\``]), HIDDEN)),
    pieces: ['.', 'a', 'a.', '.a', 'ab.', 'aba', '.aab'],
  },
  {
    name: 'a path of names, among hidden columns',
    run: (text) => attempt(() => checkHidden(tokensOf(text.match(/\w+|\W/g) ?? []), HIDDEN)),
    pieces: ['.', 'a', 'a.', '.a', 'ab.', '..', ' '],
  },
  {
    name: "the engine's message, which repeats the query",
    run: (text) => asSqlError(new Error(text), '/data'),
    pieces: [
      ' ',
      ': (in file/uri ',
      ': While reading from: ',
      'Expected one of: ',
      ': In scope SELECT formatQuerySingleLine(',
      ' (version ',
      ' (AB)',
      ')',
      'Code: 62. DB::Exception: ',
    ],
    wrap: (text) => `Code: 62. DB::Exception: ${text} (SYNTAX_ERROR)`,
  },
]
