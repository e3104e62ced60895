import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../common/logger.ts'
import { DATABASE, quoted, type SqlConnection } from './sql.ts'

/*
 * Migrations that rewrite data can take long, so they run in steps, each recorded in gatepost.schema_migration_steps when it is done: after
 * a crash, the first unfinished step is next. A migration runs in steps if one of its statements has a line such as
 *
 *  -- by month of gatepost.post_auth
 *
 * Such a statement runs once per month (toYYYYMM(received_at)) in the table, with {month} replaced. Every other statement is one step. A
 * step may be interrupted before it is recorded, so repeating it must have no effect. A server continues the statement of a process that has
 * died, so a step starts only when its statement no longer runs; in a cluster only the node of the URL is asked. All other migrations are
 * repeated from their beginning.
 */

const BY_MONTH = /^-- by month of (\S+)$/m
/** Interval of the check whether a statement still runs. */
const POLL_MS = 200

const STEPS = `
CREATE TABLE IF NOT EXISTS ${DATABASE}.schema_migration_steps
(
    version UInt32 COMMENT 'Number of the migration file',
    step String COMMENT 'Number of the statement in it, and the month that was rewritten',
    done_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was done'
)
ENGINE = MergeTree
ORDER BY (version, step)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which steps of the migrations have been done'`

interface Step {
  readonly name: string
  readonly statement: string
}

/** The parts of a migration that are needed. */
export interface Statements {
  readonly version: number
  readonly name: string
  readonly statements: readonly string[]
}

/** Runs the remaining steps of a migration. @param failed converts an error of the engine, given the step */
export async function runSteps(
  sql: SqlConnection,
  migration: Statements,
  logger: Logger,
  failed: (step: string, error: unknown) => Error,
): Promise<void> {
  const { version, name, statements } = migration
  const rewrites = statements.some((statement) => BY_MONTH.test(statement))
  const done = rewrites ? await doneSteps(sql, version) : new Set()
  const steps = await stepsOf(sql, migration)
  for (const [index, step] of steps.entries()) {
    if (done.has(step.name)) continue
    if (rewrites) {
      logger.info(
        { event: 'store.migration_step', version, migration: name, step: step.name },
        `store: migrating, step ${index + 1} of ${steps.length}`,
      )
    }
    const label = `-- migration ${version}, step ${step.name}\n`
    try {
      if (rewrites) await untilEnded(sql, label, logger)
      await sql.run(rewrites ? label + step.statement : step.statement)
    } catch (error) {
      throw failed(step.name, error)
    }
    if (rewrites) await record(sql, version, step.name)
  }
}

/** Waits until no statement with this label runs: a process that has died, or whose lock was removed as stale, may have started one. */
async function untilEnded(sql: SqlConnection, label: string, logger: Logger): Promise<void> {
  const running = `SELECT query_id FROM system.processes WHERE startsWith(query, ${quoted(label)})`
  for (let asked = 0; (await sql.rows(running)).length > 0; asked++) {
    if (asked === 0)
      logger.info(
        { event: 'store.migration_waits' },
        'store: the server still runs this step for another process; waiting until it ends',
      )
    await sleep(POLL_MS)
  }
}

async function doneSteps(sql: SqlConnection, version: number): Promise<Set<string>> {
  await sql.run(STEPS)
  const steps = `SELECT DISTINCT step FROM ${DATABASE}.schema_migration_steps WHERE version = ${version}`
  return new Set((await sql.rows<{ step: string }>(steps)).map(({ step }) => step))
}

async function record(sql: SqlConnection, version: number, step: string): Promise<void> {
  await sql.run(
    `INSERT INTO ${DATABASE}.schema_migration_steps (version, step) SETTINGS async_insert = 0 ` +
      `VALUES (${version}, ${quoted(step)})`,
  )
}

async function stepsOf(sql: SqlConnection, { statements }: Statements): Promise<Step[]> {
  const steps: Step[] = []
  for (const [index, statement] of statements.entries()) {
    const table = BY_MONTH.exec(statement)?.[1]
    if (table === undefined) steps.push({ name: String(index + 1), statement })
    else {
      for (const month of await monthsOf(sql, table)) {
        steps.push({ name: `${index + 1}/${month}`, statement: statement.replaceAll('{month}', month) })
      }
    }
  }
  return steps
}

/** The table may be created by an earlier statement of the same file: then there is nothing to rewrite. */
async function monthsOf(sql: SqlConnection, table: string): Promise<string[]> {
  const [database, name] = table.split('.')
  const tables = await sql.rows(
    `SELECT name FROM system.tables WHERE database = ${quoted(database)} AND name = ${quoted(name)}`,
  )
  if (tables.length === 0) return []
  const months = await sql.rows<{ month: number }>(
    `SELECT DISTINCT toYYYYMM(received_at) AS month FROM ${table} ORDER BY month`,
  )
  return months.map(({ month }) => String(month))
}
