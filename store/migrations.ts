import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { packageFile } from '../common/package-root.ts'
import { DATABASE, quoted, type SqlConnection } from './sql.ts'

/*
 * schemas/clickhouse/NNNN_name.sql, applied in order and recorded in gatepost.schema_migrations.
 * Statements are separated by a line that says `-- statement`. Every statement can be repeated (IF NOT EXISTS): a
 * crash in the middle of a file is repaired by running the file again. A file that has been released never changes.
 */

export interface Migration {
  readonly version: number
  readonly name: string
  readonly checksum: string
  readonly statements: readonly string[]
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
      throw new GatepostError('STORE_MIGRATION', `${directory}: migration ${index + 1} is missing or there twice`)
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

interface Applied {
  version: number
  name: string
  checksum: string
}

/** @throws GatepostError STORE_MIGRATION: naming the file and what is wrong with it */
export async function migrate(
  sql: SqlConnection,
  migrations: readonly Migration[],
  logger: Logger,
  { database = true }: { readonly database?: boolean } = {},
): Promise<void> {
  if (database) await sql.run(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`)
  await sql.run(SCHEMA_MIGRATIONS)
  for (const migration of await notApplied(sql, migrations)) await apply(sql, migration, logger)
}

/** Whether migrate() would apply anything; changes nothing. @throws GatepostError STORE_MIGRATION */
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
  for (const row of applied) verify(row, migrations)
  const done = new Set(applied.map((row) => row.version))
  return migrations.filter((migration) => !done.has(migration.version))
}

function verify(applied: Applied, migrations: readonly Migration[]): void {
  const known = migrations.find((migration) => migration.version === applied.version)
  if (!known) {
    throw new GatepostError(
      'STORE_MIGRATION',
      `the tables are newer than this program: migration ${applied.version} (${applied.name}) is not known here`,
    )
  }
  if (known.checksum !== applied.checksum) {
    throw new GatepostError(
      'STORE_MIGRATION',
      `migration ${known.version} (${known.name}) is not the file that was applied: released migrations never change`,
    )
  }
}

async function apply(sql: SqlConnection, migration: Migration, logger: Logger): Promise<void> {
  const { version, name, checksum, statements } = migration
  for (const [index, statement] of statements.entries()) {
    try {
      await sql.run(statement)
    } catch (error) {
      throw new GatepostError(
        'STORE_MIGRATION',
        `migration ${version} (${name}), statement ${index + 1}: ${messageOf(error)}`,
        error,
      )
    }
  }
  await sql.run(
    `INSERT INTO ${DATABASE}.schema_migrations (version, name, checksum) SETTINGS async_insert = 0 ` +
      `VALUES (${version}, ${quoted(name)}, ${quoted(checksum)})`,
  )
  logger.info({ version, migration: name }, 'migration applied')
}
