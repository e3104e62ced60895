import type { Logger } from '../../common/logger.ts'
import { recordSchema } from '../../schemas/avro.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import { recordColumns } from '../exactly-once/columns.ts'
import { tableOf } from '../exactly-once/identity.ts'
import type { RecordInserter } from '../exactly-once/insert.ts'
import { loadMigrations, migrate, pendingMigrations } from '../migrations.ts'
import { applyRetention, type Retention } from '../retention.ts'
import { DATABASE, type SqlConnection } from '../sql.ts'
import { clusterForm, onCluster } from './cluster.ts'
import { withMigrationLock } from './migration-lock.ts'

const OWNERSHIPS = `${DATABASE}.partition_claims`

export interface ServerMigrationOptions {
  readonly logger: Logger
  readonly retention: Retention
  /** See cluster.ts. */
  readonly cluster?: string | undefined
}

/** Several processes may call this at the same time. @throws GatepostError STORE_MIGRATION, and the client's errors */
export async function migrateServer(
  server: SqlConnection,
  inserter: RecordInserter,
  options: ServerMigrationOptions,
): Promise<void> {
  const { logger, retention, cluster } = options
  const sql = cluster === undefined ? server : onCluster(server, (statement) => clusterForm(statement, cluster))
  const migrations = loadMigrations()
  const databases = await sql.rows(`SELECT name FROM system.databases WHERE name = '${DATABASE}'`)
  // Even IF NOT EXISTS needs the right to create a database, which a user may lack if the database exists.
  if (databases.length === 0) await sql.run(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`)
  if (await pendingMigrations(sql, migrations)) {
    await withMigrationLock(server, () => migrate(sql, migrations, logger, { database: false }))
  }
  await applyRetention(sql, retention, logger)
  // Reports a missing right to insert now, not at the first insert.
  await sql.run(`INSERT INTO ${OWNERSHIPS} SELECT * FROM ${OWNERSHIPS} WHERE 0`)
  for (const stream of STREAMS) await insertNothing(inserter, stream)
}

/** The same way as for batches, with the same table function and format, but without data. */
async function insertNothing(inserter: RecordInserter, stream: Stream): Promise<void> {
  const schema = recordSchema(stream)
  const [{ name, expression }] = recordColumns(schema)
  await inserter.insert(
    schema,
    [],
    (source) => `INSERT INTO ${tableOf(stream)} (${name}) SELECT ${expression} FROM ${source} WHERE 0`,
  )
}
