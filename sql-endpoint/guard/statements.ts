import { walk, type AstNode } from './ast.ts'
import { SqlError } from '../errors.ts'
import { DATABASE } from '../options.ts'
import { isName, isWord, nameOf, type Token } from './tokens.ts'

/** Statements that only read. */
export const READER_KINDS = new Set(
  `SelectWithUnionQuery SelectIntersectExceptQuery Explain DescribeQuery ShowTables ShowColumns ShowIndexes ShowFunctions
  ShowSetting ShowEngineQuery ShowGrantsQuery ShowProcesslistQuery ShowCreateTableQuery ShowCreateViewQuery ShowCreateDatabaseQuery ExistsTableQuery ExistsViewQuery
  ExistsDatabaseQuery`.split(/\s+/),
)

/** Statements that write or change tables. */
export const WRITER_KINDS = new Set(
  `InsertQuery CreateQuery AlterQuery DropQuery TruncateQuery OptimizeQuery DeleteQuery UpdateQuery Rename
  CheckQuery`.split(/\s+/),
)

/** Kinds of EXPLAIN that run nothing and show no more than the query may see. */
const EXPLAINS = new Set([
  'EXPLAIN',
  'EXPLAIN AST',
  'EXPLAIN SYNTAX',
  'EXPLAIN QUERY TREE',
  'EXPLAIN PIPELINE',
  'EXPLAIN ESTIMATE',
])
const SHOWN =
  /^SHOW (?:(?:EXTENDED|FULL) )*(?:(?:TEMPORARY )?TABLES|COLUMNS|INDEXES|INDEX|KEYS|FUNCTIONS|CREATE (?:TEMPORARY )?TABLE|CREATE VIEW|CREATE DATABASE|DATABASES|(?:CHANGED )?SETTINGS|SETTING|ENGINES)\b/

export function checkReaderStatement(root: AstNode, tokens: readonly Token[]): void {
  for (const [node] of walk(root)) {
    if (node.kind === 'Explain' && !EXPLAINS.has(node.detail)) throw denied(`${node.detail} is not available here`)
  }
  // Besides FORMAT (an identifier) and SETTINGS, a query has only its own parts; INTO OUTFILE would appear as a literal.
  if (root.children.some((child) => child.kind === 'Literal')) throw denied('INTO OUTFILE is not available here')
  if (root.kind.startsWith('Show') || root.kind.startsWith('Exists')) {
    const words = tokens.filter((token) => token.kind === 'BareWord').map((token) => token.text)
    if (root.kind.startsWith('Show') && !SHOWN.test(words.join(' '))) throw denied('This SHOW is not available here')
    checkTarget(root)
    for (const token of tokens) {
      if (isName(token) && /^(system|default|information_schema|_.*)$/i.test(nameOf(token))) {
        throw denied(`Database ${nameOf(token)} is not available here`)
      }
    }
  }
}

const ALTERATIONS = new Set(
  `ADD_COLUMN DROP_COLUMN MODIFY_COLUMN COMMENT_COLUMN RENAME_COLUMN MATERIALIZE_COLUMN ADD_INDEX DROP_INDEX
  MATERIALIZE_INDEX ADD_PROJECTION DROP_PROJECTION MATERIALIZE_PROJECTION ADD_CONSTRAINT DROP_CONSTRAINT
  MODIFY_ORDER_BY MODIFY_SAMPLE_BY REMOVE_SAMPLE_BY MODIFY_TTL REMOVE_TTL MATERIALIZE_TTL DELETE UPDATE
  DROP_PARTITION MODIFY_COMMENT MODIFY_QUERY MODIFY_SETTING RESET_SETTING APPLY_DELETED_MASK`.split(/\s+/),
)
const ENGINES = new Set(
  `MergeTree ReplacingMergeTree SummingMergeTree AggregatingMergeTree CollapsingMergeTree VersionedCollapsingMergeTree
  CoalescingMergeTree Memory Null`.split(/\s+/),
)
/** Allowed beginnings of a formatted statement. Databases, dictionaries, functions, users and so on are not among them. */
const BEGINNINGS: Record<string, RegExp> = {
  CreateQuery: /^(CREATE( OR REPLACE)?|REPLACE) (TABLE|VIEW|MATERIALIZED VIEW) /,
  DropQuery: /^DROP (TABLE|VIEW) /,
  TruncateQuery: /^TRUNCATE TABLE /,
  Rename: /^(RENAME TABLE|EXCHANGE TABLES) /,
  AlterQuery: /^ALTER TABLE /,
  InsertQuery: /^(WITH [^]*)?INSERT INTO (?!FUNCTION\b)/,
}
const REFUSED_WORDS = [
  'TEMPORARY',
  'REFRESH',
  'DEFINER',
  'UUID',
  'ATTACH',
  'DICTIONARY',
  'CLONE',
  'DETACH',
  'DETACHED',
] as const

export function checkWriterStatement(root: AstNode, tokens: readonly Token[], actsAsServer: boolean): void {
  const ownDatabase = new RegExp(`^CREATE DATABASE (IF NOT EXISTS )?${DATABASE}$`)
  if (actsAsServer && ownDatabase.test(tokens.map((token) => token.text).join(' '))) return
  const beginning = BEGINNINGS[root.kind]
  const words = tokens.slice(0, 8).map((token) => token.text)
  if (beginning !== undefined && root.kind !== 'InsertQuery' && !beginning.test(words.join(' ') + ' ')) {
    throw denied(`${words.slice(0, 2).join(' ')} is not available here`)
  }
  checkTarget(root)
  for (const word of REFUSED_WORDS) {
    // As a type it is harmless, and the tables have such columns.
    const isType = (i: number): boolean => actsAsServer && word === 'UUID' && tokens[i + 1]?.kind !== 'StringLiteral'
    if (tokens.some((token, i) => isWord(token, word) && !isType(i))) throw denied(`${word} is not available here`)
  }
  checkReferences(root, tokens)
  if (root.kind === 'InsertQuery') {
    const wrong = root.children.find((child) => child.kind === 'Function' || child.kind === 'Literal')
    if (wrong !== undefined) throw denied('INSERT is only available into a table, from the request or a SELECT')
  }
  for (const [node, parent] of walk(root)) {
    if (node.kind === 'AlterCommand' && !ALTERATIONS.has(node.detail))
      throw denied(`ALTER ${node.detail} is not available here`)
    if (node.kind === 'Storage') {
      const [engine] = node.children
      if (engine?.kind === 'Function' && !ENGINES.has(engine.detail))
        throw denied(`Engine ${engine.detail} is not available here`)
      if (engine?.kind !== 'Function') requireDefaultEngine(parent)
    }
  }
}

/** A table without ENGINE gets the engine's default, which is MergeTree. */
function requireDefaultEngine(parent: AstNode | null): void {
  if (parent?.kind !== 'CreateQuery') throw denied('This definition is not understood')
}

/** The identifiers directly below a statement: [database,] table; for RENAME, several tables. */
function checkTarget(root: AstNode): void {
  const names = root.children.filter((child) => child.kind === 'Identifier').map((child) => child.detail)
  const database = root.kind.includes('Database')
    ? names[0]
    : names.length === 2 && root.kind !== 'Rename'
      ? names[0]
      : DATABASE
  // The format of SHOW CREATE and EXISTS is also an identifier, after the names.
  if (
    database !== DATABASE &&
    root.kind !== 'ShowTables' &&
    !(root.kind.startsWith('Show') || root.kind.startsWith('Exists'))
  ) {
    throw denied(`Database ${database ?? ''} is not available here`)
  }
}

/** The tree may not show where a definition names other tables or an engine: AS t, TO t, ENGINE = e. */
function checkReferences(root: AstNode, tokens: readonly Token[]): void {
  const keywords = root.kind === 'Rename' ? /^(TABLE|TABLES|TO|AND)$/ : /^(TABLE|VIEW|INTO|TO|AS|EXISTS)$/
  for (const [i, token] of tokens.entries()) {
    const [next, after] = tokens.slice(i + 1, i + 3)
    if (isWord(token, 'ENGINE') && next?.kind === 'Equals' && !(isName(after) && ENGINES.has(nameOf(after)))) {
      throw denied(`Engine ${after?.text ?? ''} is not available here`)
    }
    if (token.kind !== 'BareWord' || !keywords.test(token.text) || !isName(next) || after?.kind !== 'Dot') continue
    if (nameOf(next) !== DATABASE) throw denied(`Database ${nameOf(next)} is not available here`)
  }
}

function denied(message: string): SqlError {
  return new SqlError('ACCESS_DENIED', message)
}
