import t from 'tap'
import { withMigrationLock } from '../migration-lock.ts'
import type { SqlConnection } from '../../sql.ts'

/** Creates the lock's table, and refuses to drop it. */
const sql: SqlConnection = {
  rows: () => Promise.resolve([]),
  run: (text) => (text.startsWith('DROP') ? Promise.reject(new Error('gone')) : Promise.resolve()),
}

// Symptom: a migration that failed with the server was reported as a failed DROP TABLE. Root cause: an error in `finally`.
t.test('the error of a migration is reported, even if the lock cannot be removed', async (t) => {
  await t.rejects(
    withMigrationLock(sql, () => Promise.reject(new Error('the migration'))),
    { message: 'the migration' },
  )
  await t.rejects(
    withMigrationLock(sql, () => Promise.resolve()),
    { message: 'gone' },
  )
})
