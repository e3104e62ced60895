import { loadMigrations } from '../migrations.ts'
import { DATABASE, quoted, type SqlConnection } from '../sql.ts'

/*
 * GATEPOST_CLICKHOUSE_CLUSTER: each table T of the migrations becomes gatepost.T_local, Replicated...MergeTree on every node, and
 * gatepost.T, Distributed, to read them all. Inserts of migrations and of the exactly-once procedure go into the local table of the node
 * that the URL names, and are looked up there: through Distributed they would be queued and not atomic. docs/delivery.md says what of it
 * has been run.
 */

const HEAD = String.raw`^((?:\s|--[^\n]*\n)*)`
const CREATE_TABLE = new RegExp(`${HEAD}CREATE TABLE IF NOT EXISTS ${DATABASE}\\.(\\w+)\\b([^]*)$`)
const CREATE_VIEW = new RegExp(
  `${HEAD}(CREATE (?:(?:MATERIALIZED )?VIEW IF NOT EXISTS|OR REPLACE VIEW) ${DATABASE}\\.\\w+)\\b([^]*)$`,
)
const ALTER = new RegExp(`${HEAD}(ALTER TABLE ${DATABASE}\\.(\\w+))\\b([^]*)$`)
/** Parts of a definition that a Distributed table has too. Indexes, TTLs and settings belong to the local tables. */
const OF_COLUMNS = /^\s*(?:(?:ADD|DROP|MODIFY|COMMENT|RENAME) COLUMN|MODIFY COMMENT)\b/
const ENGINE = /\bENGINE = (\w*MergeTree)\b/
/** Those parts of a table's sorting key that are column names: enough to keep rows that replace each other on one shard. */
const SORTING_KEY = /\bORDER BY (?:\(([^()]+)\)|(\w+))\s/
const COMMENT = /\bCOMMENT '(?:[^'\\]|''|\\.)*'\s*$/

/** Statements on tables while an installation runs. */
const CREATE_LIKE = new RegExp(`^CREATE TABLE ${DATABASE}\\.(\\w+) AS ${DATABASE}\\.(\\w+)$`)
const EXCHANGE = new RegExp(`^EXCHANGE TABLES (${DATABASE}\\.\\w+) AND (${DATABASE}\\.\\w+)$`)
const DROP = new RegExp(`^(DROP TABLE IF EXISTS ${DATABASE}\\.\\w+)((?: SYNC)?)$`)
const DELETE = new RegExp(`^(DELETE FROM ${DATABASE}\\.\\w+)(\\s[^]*)$`)

const RANDOM = 'rand()'
/** The tables of the migrations, with their sharding keys. */
const TABLES = new Map(
  loadMigrations().flatMap(({ statements }) =>
    statements.flatMap((text): [string, string][] => {
      const [, , name, rest] = CREATE_TABLE.exec(text) ?? []
      return name === undefined ? [] : [[name, shardingKey(rest)]]
    }),
  ),
)
for (const name of ['schema_migrations', 'schema_migration_steps']) TABLES.set(name, RANDOM)
/** A table name in a statement: after a space, which never precedes one in our literals. */
const TABLE = new RegExp(`(?<=[ \\n])${DATABASE}\\.(${[...TABLES.keys()].join('|')})\\b`, 'g')
const READ = /\b(?:FROM|JOIN)\s$/

/** A statement of the exactly-once procedure, changed to use this node's own tables. Columns may be named with their table's name. */
export function localForm(statement: string): string {
  return statement.replace(TABLE, (_, name: string, at: number) => {
    const isRead = READ.test(statement.slice(0, at))
    const isNamed = isRead && new RegExp(`[ (]${name}\\.\\w`).test(statement)
    return `${DATABASE}.${name}_local${isNamed ? ` AS ${name}` : ''}`
  })
}

/** The form of a migration's or retention's statement for a cluster. */
export function clusterForm(statement: string, cluster: string): string[] {
  const onCluster = `ON CLUSTER ${quoted(cluster)}`
  const table = CREATE_TABLE.exec(statement)
  if (table) return tableForms(table[1], table[2], table[3], cluster)
  const view = CREATE_VIEW.exec(statement)
  if (view) {
    const [, head, create, rest] = view
    // A materialized view sees inserts into the table that it reads from; a plain view reads all nodes.
    return [`${head}${create} ${onCluster}${create.includes('MATERIALIZED') ? localForm(rest) : rest}`]
  }
  const alter = ALTER.exec(statement)
  if (alter) {
    const [, head, what, name, rest] = alter
    const of = (target: string) => `${target} ${onCluster}${rest}`
    if (!TABLES.has(name)) {
      // Only materialized views have their query modified.
      return [/^\s*MODIFY QUERY\b/.test(rest) ? `${head}${what} ${onCluster}${localForm(rest)}` : `${head}${of(what)}`]
    }
    const ofColumns = commandsOf(rest).filter((command) => OF_COLUMNS.test(command))
    const both = ofColumns.length === 0 ? [] : [`${what} ${onCluster}${ofColumns.join(',')}`]
    return [`${head}${of(`${what}_local`)}`, ...both]
  }
  if (/^CREATE DATABASE /.test(statement)) return [`${statement} ${onCluster}`]
  return [localForm(statement)]
}

/**
 * The form of a statement at run time. ALTERs apply to every node's own tables, so that `mutations_sync = 2` waits for all replicas; a table
 * that will replace another one is created everywhere, like the original; any other statement is not changed.
 */
export function commandForm(statement: string, cluster: string): string[] {
  if (ALTER.test(statement)) return clusterForm(statement, cluster)
  const onCluster = `ON CLUSTER ${quoted(cluster)}`
  const like = CREATE_LIKE.exec(statement)
  if (like) {
    const [, name, model] = like
    return [
      `CREATE TABLE ${DATABASE}.${name}_local ${onCluster} AS ${DATABASE}.${model}_local`,
      `CREATE TABLE ${DATABASE}.${name} ${onCluster} AS ${DATABASE}.${name}_local ${distributed(name, TABLES.get(model) ?? RANDOM, cluster)}`,
    ]
  }
  const exchange = EXCHANGE.exec(statement)
  // Readers continue to use the tables with these names.
  if (exchange) return [`EXCHANGE TABLES ${exchange[1]}_local AND ${exchange[2]}_local ${onCluster}`]
  const drop = DROP.exec(statement)
  if (drop) return ['', '_local'].map((suffix) => `${drop[1]}${suffix} ${onCluster}${drop[2]}`)
  const del = DELETE.exec(statement)
  if (del) return [`${del[1]}_local ${onCluster}${del[2]}`]
  return [statement]
}

/** The commands of an ALTER: what commas separate outside of brackets and texts. */
function commandsOf(alter: string): string[] {
  const commands = ['']
  let depth = 0
  for (const [piece] of alter.matchAll(/'(?:[^'\\]|''|\\.)*'|[^]/g)) {
    if (piece === '(') depth++
    if (piece === ')') depth--
    if (piece === ',' && depth === 0) commands.push('')
    else commands[commands.length - 1] += piece
  }
  return commands
}

function tableForms(head: string, name: string, rest: string, cluster: string): string[] {
  const onCluster = `ON CLUSTER ${quoted(cluster)}`
  const local = `${name}_local`
  const comment = COMMENT.exec(rest)?.[0] ?? ''
  return [
    `${head}CREATE TABLE IF NOT EXISTS ${DATABASE}.${local} ${onCluster}${rest.replace(ENGINE, 'ENGINE = Replicated$1')}`,
    `CREATE TABLE IF NOT EXISTS ${DATABASE}.${name} ${onCluster} AS ${DATABASE}.${local}\n` +
      `${distributed(name, shardingKey(rest), cluster)}\n${comment}`.trimEnd(),
  ]
}

function distributed(name: string, key: string, cluster: string): string {
  return `ENGINE = Distributed(${quoted(cluster)}, ${quoted(DATABASE)}, ${quoted(`${name}_local`)}, ${key})`
}

/** Rows that replace each other, or are added up, by their sorting key must be on one shard; others may be anywhere. */
function shardingKey(definition: string): string {
  const [, several, one] = SORTING_KEY.exec(definition) ?? []
  const names = several ?? one
  return /ENGINE = (?:Replacing|Aggregating)/.test(definition) && names !== undefined ? `cityHash64(${names})` : RANDOM
}

/** A connection that changes statements with `form`; reads are not changed. */
export function onCluster(sql: SqlConnection, form: (statement: string) => string[]): SqlConnection {
  return {
    rows: (text) => sql.rows(text),
    run: async (text) => {
      for (const statement of form(text)) await sql.run(statement)
    },
  }
}
