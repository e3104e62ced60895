import { nameIn, parseAst, walk, type AstNode } from './ast.ts'
import { catalogTable, type Audience } from './catalog.ts'
import { SqlError } from '../errors.ts'
import type { FunctionList } from './functions.ts'
import { DATABASE } from '../options.ts'
import { checkSettingOfClause, TABLE_SETTINGS, type SettingsPolicy } from './settings.ts'
import { describeCatalogTable, replaceCatalogTables } from './replace-catalog.ts'
import { TABLE_FILTERS, tableFiltersAt, type TableFilter } from './table-filters.ts'
import { adjacent, applyEdits, isName, isWord, nameOf, unquoted, type TextEdit, type Token } from './tokens.ts'
import { checkHidden } from './hidden-columns.ts'
import { killing } from './kill.ts'
import { ownIdentity, showOfUser } from './own-identity.ts'
import { assignmentsOf, type Assignments } from './set.ts'
import { NO_TABLE, type Verdict } from './verdict.ts'
import { temporaryChange } from './temporary-tables.ts'
import { summaryOf } from './summary.ts'
import { checkReaderStatement, checkWriterStatement, READER_KINDS, WRITER_KINDS } from './statements.ts'

/**
 * Decides whether a statement may run, from two views of the engine's own formatting of it: the syntax tree (EXPLAIN AST) says where each
 * function and table occurs, but omits things (settings, targets of views, functions after APPLY); the tokens omit nothing, but do not say
 * where things occur.
 * Both must pass, and anything that is on neither allow-list is refused.
 */
export interface GuardContext {
  readonly functions: FunctionList
  /** Names of databases other than gatepost. */
  readonly foreignDatabases: ReadonlySet<string>
  readonly settings: SettingsPolicy
  /** Whether tables may be written and changed. */
  readonly mayWrite: boolean
  /** Whether conditions in settings are available: the engine does not ask whether their columns may be read. */
  readonly mayFilter: boolean
  /** Names of columns that a user of GATEPOST_SQL_USERS does not see; null: another user. */
  readonly hidden: ReadonlySet<string> | null
  /** Which tables of the catalogue there are. */
  readonly audience: Audience
  /** Whose queries may be ended: null means everybody's, undefined nobody's. */
  readonly mayKill: string | null | undefined
  /** See SqlEndpointOptions. */
  readonly actsAsServer: boolean
  /** Names of the sender's temporary tables; null: it may have none. */
  readonly temporaryTables: ReadonlySet<string> | null
}

/** Words directly before a parenthesis that are syntax, not functions. */
const SYNTAX_WORDS = new Set(['columns', 'values', 'exists', 'apply', 'codec', 'statistics', 'interval', 'extract'])
/** Types that take arguments, in casts and column definitions. */
const TYPES = new Set(
  `Array Tuple Nested Map Nullable LowCardinality FixedString Decimal Decimal32 Decimal64 Decimal128 Decimal256 DateTime
  DateTime64 Time64 Enum Enum8 Enum16 AggregateFunction SimpleAggregateFunction Variant Dynamic JSON QBit BFloat16
  VARCHAR CHAR NUMERIC DEC`
    .split(/\s+/)
    .map((name) => name.toLowerCase()),
)
/** Only allowed in definitions of tables. */
const DEFINITION_FUNCTIONS = new Set(
  `MergeTree ReplacingMergeTree SummingMergeTree AggregatingMergeTree CollapsingMergeTree VersionedCollapsingMergeTree
  CoalescingMergeTree Memory Null CODEC ZSTD LZ4 LZ4HC Delta DoubleDelta Gorilla T64 FPC GCD NONE Default minmax set
  bloom_filter ngrambf_v1 tokenbf_v1`
    .split(/\s+/)
    .map((name) => name.toLowerCase()),
)
const FORBIDDEN_PAIRS = [
  ['INTO', 'OUTFILE'],
  ['FROM', 'INFILE'],
  ['ON', 'CLUSTER'],
  ['TO', 'DISK'],
  ['TO', 'VOLUME'],
  ['SQL', 'SECURITY'],
] as const

/** `printAst` is called after the tokens have passed: EXPLAIN AST applies the SETTINGS of its query. */
export async function judge(
  sql: string,
  tokens: readonly Token[],
  printAst: (sql: string) => Promise<string>,
  context: GuardContext,
): Promise<Verdict> {
  const { temporaryTables } = context
  const lambdas = declaredNames(tokens, context.functions)
  checkTokens(tokens, lambdas, context)
  if (context.hidden !== null) checkHidden(tokens, context.hidden)
  const { clauses: settingsClauses, filters } = checkSettings(tokens, context)
  const root = parseAst(await printAst(sql))
  if (root.kind === 'Set') return setting(assignmentsOf(tokens, context.settings), 'SET')
  if (root.kind === 'UseQuery') return using(root)
  const kills = context.mayKill !== undefined && root.kind === 'KillQueryQuery'
  const writes = WRITER_KINDS.has(root.kind)
  const temporary = temporaryTables === null ? null : temporaryChange(root, tokens, temporaryTables)
  if (temporaryTables === null && isWord(tokens[0], 'CREATE') && isWord(tokens[1], 'TEMPORARY')) {
    throw new SqlError('THERE_IS_NO_SESSION', 'Temporary tables are made by POST with a session_id')
  }
  if (writes && !context.mayWrite && temporary === null)
    throw new SqlError('READONLY', 'Cannot execute query in readonly mode')
  if (!writes && !kills && !READER_KINDS.has(root.kind))
    throw denied(`Statements of kind ${root.kind} are not available here`)
  checkTree(root, writes, lambdas, context)
  if (settingsIn(root) > settingsClauses) throw denied('A SETTINGS clause is not understood')
  if (context.mayKill !== undefined && kills) return killing(tokens, context.mayKill, context.actsAsServer)
  const show = showOfUser(root, tokens)
  if (writes && temporary === null) checkWriterStatement(root, tokens, context.actsAsServer)
  else if (!writes && show === null) checkReaderStatement(root, tokens)
  const { edits, format } = formatClause(tokens)
  const describes = root.kind === 'DescribeQuery'
  const catalogEdits = (describes ? describeCatalogTable : replaceCatalogTables)(root, tokens, context.audience)
  if (catalogEdits === null) throw denied('Tables of the catalogue are only available after FROM and JOIN')
  const allEdits = [...catalogEdits, ...ownIdentity(root, tokens), ...edits].sort((a, b) => a.begin - b.begin)
  return {
    sql: show ?? applyEdits(sql, allEdits),
    format,
    writes,
    takesData: root.kind === 'InsertQuery' && (!hasSelect(root) || readsInput(root)),
    isSelect: root.kind.startsWith('Select'),
    temporary,
    assigns: null,
    kills: null,
    filters,
    summary: summaryOf(root, tokens),
  }
}

function hasSelect(root: AstNode): boolean {
  return root.children.some((child) => child.kind.startsWith('Select'))
}

/** Its SELECT reads the request's data through the table function input(). */
function readsInput(root: AstNode): boolean {
  for (const [node, parent] of walk(root)) {
    if (node.kind === 'Function' && parent?.kind === 'TableExpression' && nameIn(node) === 'input') return true
  }
  return false
}

function setting(assigns: Assignments, kind: string): Verdict {
  return { ...NO_TABLE, sql: '', writes: false, assigns, summary: { kind, tables: [] } }
}

/** There is one database. */
function using(root: AstNode): Verdict {
  const name = root.children[0]?.detail
  // Clients send "default" when no database is configured.
  if (name !== DATABASE && name !== 'default') throw new SqlError('UNKNOWN_DATABASE', `Database ${name} does not exist`)
  return setting({ settings: new Map(), parameters: new Map() }, 'USE')
}

/** The names after AS that can only be called as lambdas: WITH x -> x + 1 AS next SELECT next(2). None where engines and codecs are named. */
function declaredNames(tokens: readonly Token[], functions: FunctionList): Set<string> {
  if (!['SELECT', 'WITH', 'INSERT', 'EXPLAIN'].some((word) => isWord(tokens[0], word))) return new Set()
  const names = new Set<string>()
  const called = new Set<string>()
  for (const [i, token] of tokens.entries()) {
    if (!isName(token)) continue
    if (i > 0 && isWord(tokens[i - 1], 'AS')) names.add(nameOf(token))
    if (tokens[i + 1]?.kind === 'OpeningRoundBracket') called.add(nameOf(token))
  }
  return new Set([...names].filter((name) => called.has(name) && functions.isFree(name)))
}

function checkTokens(tokens: readonly Token[], lambdas: ReadonlySet<string>, context: GuardContext): void {
  for (const [i, token] of tokens.entries()) {
    const next = tokens[i + 1]
    if (token.kind === 'Semicolon' || token.kind.startsWith('Error')) throw denied('One statement a request')
    // An escape in a name could make its line in the tree look like several lines.
    if (token.kind === 'QuotedIdentifier' && /[\\\0-\x1f\x7f]/.test(token.text)) {
      throw denied('Names with escapes or control characters are not available here')
    }
    for (const [first, second] of FORBIDDEN_PAIRS) {
      if (isWord(token, first) && isWord(next, second)) throw denied(`${first} ${second} is not available here`)
    }
    if (isWord(token, 'APPLY') && next !== undefined && isName(next))
      requireFunction(nameOf(next), context.mayWrite, context)
    checkNamesInText(tokens, i, context)
    // arrayMap(file, ['/etc/passwd']) calls file() without a parenthesis. A column with such a name must be qualified with its table. See checkIdentifier().
    const isPart = tokens[i - 1]?.kind === 'Dot' || next?.kind === 'Dot'
    if (isName(token) && !isPart && !context.functions.allowsName(nameOf(token))) {
      const isType = next?.kind === 'OpeningRoundBracket' && context.mayWrite && isDefinition(nameOf(token))
      if (!isType) throw denied(`Function ${nameOf(token)} is not available here`)
    }
    if (!isName(token) || next === undefined) continue
    const isCall = next.kind === 'OpeningRoundBracket' && adjacent(token, next)
    if (isCall && !lambdas.has(nameOf(token))) requireCallable(nameOf(token), context)
    const after = tokens[i + 2]
    const before = tokens[i - 1]
    if (next.kind === 'Dot' && isName(after) && before?.kind !== 'Dot' && context.foreignDatabases.has(nameOf(token))) {
      if (catalogTable(nameOf(token), nameOf(after), context.audience) === undefined)
        throw noTable(`${nameOf(token)}.${nameOf(after)}`)
    }
  }
}

/** Functions whose first argument is the name of an aggregate function, with its parameters. */
const TAKE_NAMES = new Set(['arrayreduce', 'arrayreduceinranges', 'initializeaggregation'])

/** A string can also contain a function's name: arrayReduce('groupFormat(...)', ...), CAST(x, 'AggregateFunction(...)'). */
function checkNamesInText(tokens: readonly Token[], i: number, context: GuardContext): void {
  const token = tokens[i]
  let names: string | null = null
  if (isName(token) && TAKE_NAMES.has(nameOf(token).toLowerCase())) {
    const [open, argument, comma] = tokens.slice(i + 1, i + 4)
    const isLiteral =
      open?.kind === 'OpeningRoundBracket' && argument?.kind === 'StringLiteral' && comma?.kind === 'Comma'
    if (!isLiteral) throw denied(`The first argument of ${nameOf(token)} must be a name in quotes`)
    names = argument.text
  } else if (token.kind === 'StringLiteral' && /AggregateFunction/i.test(token.text)) names = token.text
  for (const name of names?.match(/\w+/g) ?? []) {
    if (!context.functions.allowsName(name)) throw denied(`Function ${name} is not available here`)
  }
}

function requireCallable(name: string, context: GuardContext): void {
  const bare = name.toLowerCase()
  if (context.actsAsServer && bare === 'input') return
  if (SYNTAX_WORDS.has(bare) || TYPES.has(bare) || context.functions.allowsTableFunction(bare)) return
  requireFunction(name, context.mayWrite, context)
}

function requireFunction(name: string, writes: boolean, context: GuardContext): void {
  if (context.functions.allowsFunction(name)) return
  if (writes && isDefinition(name)) return
  throw denied(`Function ${name} is not available here`)
}

const isDefinition = (name: string): boolean => DEFINITION_FUNCTIONS.has(name.toLowerCase())

function checkTree(root: AstNode, writes: boolean, lambdas: ReadonlySet<string>, context: GuardContext): void {
  for (const [node, parent] of walk(root)) {
    switch (node.kind) {
      case 'Function':
        if (parent?.kind === 'TableExpression') checkTableFunction(node, context)
        else if (!lambdas.has(nameIn(node))) requireFunction(nameIn(node), writes, context)
        if (/in$/i.test(nameIn(node))) checkInTable(node, context)
        break
      case 'TableIdentifier':
        checkTable(nameIn(node), context)
        break
      case 'Identifier':
        // The table that a statement writes to, whose database is a node of its own.
        if (!(writes && parent === root)) checkIdentifier(nameIn(node), context)
        break
      default:
        if (!TREE_KINDS.has(node.kind) && !(writes && DEFINITION_KINDS.has(node.kind)) && node !== root) {
          throw denied(`${node.kind} is not available here`)
        }
    }
  }
}

/** Node kinds allowed in a query besides functions and tables. */
const TREE_KINDS = new Set(
  `SelectWithUnionQuery SelectQuery SelectIntersectExceptQuery ExpressionList Literal Subquery
  TablesInSelectQuery TablesInSelectQueryElement TableExpression TableJoin ArrayJoin WithElement Asterisk
  QualifiedAsterisk ColumnsTransformerList ColumnsApplyTransformer ColumnsExceptTransformer ColumnsReplaceTransformer
  ColumnsReplaceTransformer::Replacement ColumnsRegexpMatcher ColumnsListMatcher QualifiedColumnsRegexpMatcher
  QualifiedColumnsListMatcher OrderByElement InterpolateElement WindowDefinition WindowListElement SampleRatio Set
  Explain QueryParameter DataType`.split(/\s+/),
)
const DEFINITION_KINDS = new Set(
  `Columns Storage ColumnDeclaration Index Constraint Projection ProjectionSelectQuery TTLElement AlterCommand
  Assignment Partition ViewTargets EnumDataType NameTypePair TupleDataType StorageOrderByElement CollationNode`.split(
    /\s+/,
  ),
)

function checkTableFunction(node: AstNode, context: GuardContext): void {
  const name = nameIn(node)
  if (context.actsAsServer && name === 'input') return
  if (!context.functions.allowsTableFunction(name)) throw denied(`Table function ${name} is not available here`)
}

/**
 * What checkTokens() has refused already, if it saw the name: roles of the engine do not keep anybody from the scalar function file(), so it is looked
 * for twice, and the tree does not depend on where each token is. It omits names after APPLY.
 */
function checkIdentifier(name: string, context: GuardContext): void {
  if (!name.includes('.') && !context.functions.allowsName(unquoted(name)))
    throw denied(`Function ${name} is not available here`)
}

function checkTable(name: string, context: GuardContext): void {
  const dot = name.indexOf('.')
  if (dot === -1) return
  const database = unquoted(name.slice(0, dot))
  if (database === DATABASE && !context.foreignDatabases.has(database)) return
  if (catalogTable(database, unquoted(name.slice(dot + 1)), context.audience) === undefined) throw noTable(name)
}

/** `x IN t` names a table with a plain identifier, which looks like a column, so no identifier may name a table outside gatepost. */
function checkInTable(node: AstNode, context: GuardContext): void {
  const right = node.children[0]?.children[1]
  if (right?.kind !== 'Identifier') return
  const [database = ''] = nameIn(right).split('.')
  if (nameIn(right).includes('.') && context.foreignDatabases.has(unquoted(database))) throw noTable(nameIn(right))
}

/** Checks the clauses `SETTINGS name = value, ...` by tokens: the tree only says that they exist. */
function checkSettings(
  tokens: readonly Token[],
  context: GuardContext,
): { clauses: number; filters: readonly TableFilter[] } {
  let clauses = 0
  const found: TableFilter[] = []
  const ofTable = context.mayWrite && (isWord(tokens[0], 'CREATE') || isWord(tokens[0], 'ALTER'))
  for (const [i, token] of tokens.entries()) {
    const opens = isWord(token, 'SETTINGS') || isWord(token, 'SETTING')
    if (!opens || !isName(tokens[i + 1]) || tokens[i + 2]?.kind !== 'Equals') continue
    clauses++
    for (let at = i + 1; ;) {
      const name = tokens[at]
      if (!isName(name) || tokens[at + 1]?.kind !== 'Equals') throw denied('A SETTINGS clause is not understood')
      const value = tokens[at + 2]
      if (nameOf(name) === TABLE_FILTERS && value?.kind === 'OpeningCurlyBrace' && context.mayFilter) {
        const { filters, next } = tableFiltersAt(tokens, at + 2)
        found.push(...filters)
        if (tokens[next]?.kind !== 'Comma') break
        at = next + 1
        continue
      }
      if (value?.kind !== 'Number' && value?.kind !== 'StringLiteral' && value?.kind !== 'BareWord') {
        throw denied('A SETTINGS clause is not understood')
      }
      const text = value.kind === 'StringLiteral' ? value.text.slice(1, -1) : value.text
      if (!(ofTable && TABLE_SETTINGS.has(nameOf(name)))) {
        checkSettingOfClause(nameOf(name), text, context.settings)
      }
      if (tokens[at + 3]?.kind !== 'Comma') break
      at += 4
    }
  }
  return { clauses, filters: found }
}

/** The number of SETTINGS clauses in the tree; those of EXPLAIN itself are not the engine's settings. */
function settingsIn(root: AstNode): number {
  let sets = 0
  for (const [node, parent] of walk(root)) if (node.kind === 'Set' && parent?.kind !== 'Explain') sets++
  return sets
}

/** A FORMAT clause at the end of the statement, or before its last SETTINGS. It is removed, because the format is passed separately. */
function formatClause(tokens: readonly Token[]): { format: string | null; edits: TextEdit[] } {
  let depth = 0
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'OpeningRoundBracket') depth++
    if (token.kind === 'ClosingRoundBracket') depth--
    const name = tokens[i + 1]
    const after = tokens[i + 2]
    if (depth !== 0 || !isWord(token, 'FORMAT') || !isName(name)) continue
    if (after !== undefined && !isWord(after, 'SETTINGS')) continue
    return { format: nameOf(name), edits: [{ begin: token.begin, end: name.end, text: '' }] }
  }
  return { format: null, edits: [] }
}

export function denied(message: string): SqlError {
  return new SqlError('ACCESS_DENIED', message)
}

function noTable(name: string): SqlError {
  return denied(`Not enough privileges: table ${name} is not available here`)
}
