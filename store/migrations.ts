import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { packageFile, packageVersion } from '../common/package-root.ts'
import { runSteps, type Statements } from './migration-steps.ts'
import { DATABASE, quoted, type SqlConnection } from './sql.ts'

/*
 * schemas/clickhouse/NNNN_name.sql, applied in order and recorded in gatepost.schema_migrations. Statements are separated by the line `--
 * statement`. Every statement can be repeated (IF NOT EXISTS): after a crash it runs again; see migration-steps.ts. A released file never
 * changes.
 */

export interface Migration extends Statements {
  readonly checksum: string
}

const FILE = /^(\d{4})_([a-z0-9_]+)\.sql$/
const SEPARATOR = /^-- statement$/m

export function loadMigrations(directory = packageFile('schemas/clickhouse')): Migration[] {
  const migrations = readdirSync(directory)
    .sort()
    .flatMap((file) => {
      const match = FILE.exec(file)
      return match ? [parse(Number(match[1]), match[2], readFileSync(join(directory, file), 'utf8'))] : []
    })
  migrations.forEach((migration, index) => {
    if (migration.version !== index + 1) {
      throw new GatepostError('STORE_MIGRATION', `${directory}: migration ${index + 1} is missing or occurs twice`)
    }
  })
  return migrations
}

function parse(version: number, name: string, file: string): Migration {
  const text = file.replaceAll('\r\n', '\n')
  const statements = text
    .split(SEPARATOR)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
  return { version, name, checksum: createHash('sha256').update(text).digest('hex'), statements }
}

const SCHEMA_MIGRATIONS = `
CREATE TABLE IF NOT EXISTS ${DATABASE}.schema_migrations
(
    version UInt32 COMMENT 'Number of the migration file',
    name String COMMENT 'Name of the migration file',
    checksum String COMMENT 'SHA-256 of the file as it was applied',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was applied'
)
ENGINE = MergeTree
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which migrations of the tables have been applied'`

/** Version 0.1.0 did not record it. */
const APPLIED_BY = `ALTER TABLE ${DATABASE}.schema_migrations ADD COLUMN IF NOT EXISTS gatepost String COMMENT 'Version of Gatepost that applied it'`

interface Applied {
  version: number
  name: string
  checksum: string
}

/** @throws GatepostError STORE_MIGRATION: names the file and the problem */
export async function migrate(
  sql: SqlConnection,
  migrations: readonly Migration[],
  logger: Logger,
  { database = true }: { readonly database?: boolean } = {},
): Promise<void> {
  if (database) await sql.run(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`)
  await sql.run(SCHEMA_MIGRATIONS)
  const missing = await notApplied(sql, migrations)
  if (missing.length === 0) return
  await sql.run(APPLIED_BY)
  for (const [index, migration] of missing.entries()) {
    await apply(sql, migration, logger)
    const { version, name } = migration
    logger.info(
      { event: 'store.migrated', version, migration: name },
      `store: migration applied, ${index + 1} of ${missing.length}`,
    )
  }
}

/** Whether migrate() would apply anything. Changes nothing. @throws GatepostError STORE_MIGRATION */
export async function pendingMigrations(sql: SqlConnection, migrations: readonly Migration[]): Promise<boolean> {
  const tables = await sql.rows(
    `SELECT name FROM system.tables WHERE database = '${DATABASE}' AND name = 'schema_migrations'`,
  )
  return tables.length === 0 || (await notApplied(sql, migrations)).length > 0
}

async function notApplied(sql: SqlConnection, migrations: readonly Migration[]): Promise<readonly Migration[]> {
  const applied = await sql.rows<Applied>(
    `SELECT DISTINCT version, name, checksum FROM ${DATABASE}.schema_migrations ORDER BY version`,
  )
  for (const row of applied) await verify(sql, row, migrations)
  const done = new Set(applied.map((row) => row.version))
  return migrations.filter((migration) => !done.has(migration.version))
}

async function verify(sql: SqlConnection, applied: Applied, migrations: readonly Migration[]): Promise<void> {
  const known = migrations.find((migration) => migration.version === applied.version)
  if (!known) {
    const version = await appliedBy(sql, applied.version)
    throw new GatepostError(
      'STORE_MIGRATION',
      `the tables are newer than this program, which is Gatepost ${packageVersion()}: migration ${applied.version} (${applied.name}) ` +
        `came with ${version}. Install ${version} or later`,
    )
  }
  if (known.checksum !== applied.checksum) {
    throw new GatepostError(
      'STORE_MIGRATION',
      `migration ${known.version} (${known.name}) is not the file that was applied: released migrations never change`,
    )
  }
}

/** The version of Gatepost that applied a migration, as text. */
async function appliedBy(sql: SqlConnection, version: number): Promise<string> {
  const rows = await sql
    .rows<{ gatepost: string }>(`SELECT gatepost FROM ${DATABASE}.schema_migrations WHERE version = ${version} LIMIT 1`)
    .catch(() => [])
  return rows.length === 0 || rows[0].gatepost === '' ? 'a later version' : `Gatepost ${rows[0].gatepost}`
}

async function apply(sql: SqlConnection, migration: Migration, logger: Logger): Promise<void> {
  const { version, name, checksum } = migration
  await runSteps(sql, migration, logger, (step, error) => {
    const message = `migration ${version} (${name}), statement ${step}: ${messageOf(error)}`
    return new GatepostError('STORE_MIGRATION', message, error)
  })
  await sql.run(
    `INSERT INTO ${DATABASE}.schema_migrations (version, name, checksum, gatepost) SETTINGS async_insert = 0 ` +
      `VALUES (${version}, ${quoted(name)}, ${quoted(checksum)}, ${quoted(packageVersion())})`,
  )
}
