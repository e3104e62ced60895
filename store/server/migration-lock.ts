import { setTimeout as sleep } from 'node:timers/promises'
import { DATABASE, engineCode, type SqlConnection } from '../sql.ts'

const LOCK = `${DATABASE}.migration_lock`
const ALREADY_EXISTS = '57'
const POLL_MS = 200
/**
 * A process that holds the lock longer has died, or rewrites data. In the second case another process migrates beside it, and each waits for
 * the step that the other one runs (migration-steps.ts).
 */
const STALE_SECONDS = 60

/**
 * Lets one process migrate while others wait. The lock is a table, since a server creates each name once. It only keeps processes that start
 * at the same time out of each other's way: every statement of a migration can be repeated, so a stale lock is removed.
 */
export async function withMigrationLock(sql: SqlConnection, work: () => Promise<void>): Promise<void> {
  while (!(await acquire(sql))) {
    await sleep(POLL_MS)
    await removeStale(sql)
  }
  try {
    await work()
  } catch (error) {
    // Report the original error; a lock that stays is removed later.
    await release(sql).catch(() => undefined)
    throw error
  }
  await release(sql)
}

async function acquire(sql: SqlConnection): Promise<boolean> {
  try {
    await sql.run(
      `CREATE TABLE ${LOCK} (held UInt8 COMMENT 'Nothing') ENGINE = Null COMMENT 'A process applies migrations now'`,
    )
    return true
  } catch (error) {
    if (engineCode(error) === ALREADY_EXISTS) return false
    throw error
  }
}

async function removeStale(sql: SqlConnection): Promise<void> {
  const rows = await sql.rows(
    `SELECT name FROM system.tables WHERE database = '${DATABASE}' AND name = 'migration_lock' ` +
      `AND metadata_modification_time < now() - toIntervalSecond(${STALE_SECONDS})`,
  )
  if (rows.length > 0) await release(sql)
}

async function release(sql: SqlConnection): Promise<void> {
  await sql.run(`DROP TABLE IF EXISTS ${LOCK} SYNC`)
}
