import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { GatepostError } from '../../../common/errors.ts'
import { createLogger } from '../../../common/logger.ts'
import { loadMigrations, migrate, type Migration } from '../../migrations.ts'
import type { SqlConnection } from '../../sql.ts'
import { makeBatch, repeated } from '../../test/records.ts'
import { openEmbeddedStore } from '../open.ts'

const logger = createLogger('store-test')
logger.level = 'silent'
const path = t.testdir() + '/store'

async function errorOf(promise: Promise<unknown>): Promise<GatepostError | null> {
  try {
    await promise
    return null
  } catch (error) {
    return error as GatepostError
  }
}

t.test('the directory has one owner', async (t) => {
  const store = await openEmbeddedStore({ path, logger })
  t.match(await errorOf(openEmbeddedStore({ path, logger })), { code: 'DIRECTORY_LOCKED' })
  await store.close()
  const next = await openEmbeddedStore({ path, logger })
  await next.close()
})

t.test('files of an insert that was cut off are removed, and none is left behind', async (t) => {
  mkdirSync(`${path}-incoming`, { recursive: true })
  writeFileSync(`${path}-incoming/post_auth-7.avro`, 'left over')
  const store = await openEmbeddedStore({ path, logger })
  t.teardown(() => store.close())
  t.notOk(existsSync(`${path}-incoming/post_auth-7.avro`))
  await store.migrate()
  await store.insertOnce('post_auth', [makeBatch('post_auth', Date.now(), repeated(3))])
  const cut = makeBatch('post_auth', Date.now(), repeated(3))
  await errorOf(store.insertOnce('post_auth', [{ ...cut, records: cut.records.subarray(0, 9) }]))
  t.same(readdirSync(`${path}-incoming`), [])
})

t.test('queries', async (t) => {
  const store = await openEmbeddedStore({ path, logger, readConnections: 1 })
  t.teardown(() => store.close())
  await store.migrate()

  t.test('a query that failed half-way leaves nothing of its result to the next one', async (t) => {
    // The engine keeps what a failed query had written and puts it in front of the connection's next result.
    t.match(await errorOf(store.query('SELECT * FROM numbers(100000000)')), { code: 'STORE_REFUSED' })
    t.same(await store.query('SELECT 1 AS one'), [{ one: 1 }])
    const late = 'SELECT throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000'
    t.match(await errorOf(store.query(late)), { code: 'STORE_REFUSED' })
    t.same(await store.query('SELECT 2 AS two'), [{ two: 2 }])
  })

  t.test('a query writes nothing', async (t) => {
    t.match(await errorOf(store.query(`INSERT INTO gatepost.ip_locations (ip) VALUES ('192.0.2.1')`)), {
      code: 'STORE_REFUSED',
    })
    t.same(await store.query('SELECT ip FROM gatepost.ip_locations'), [])
  })

  t.test('reads do not wait behind writes', async (t) => {
    let written = false
    const write = store
      .command(`INSERT INTO gatepost.ip_locations (ip, location_id) SELECT 'x', sleepEachRow(1) FROM numbers(2)`)
      .then(() => (written = true))
    t.same(await store.query('SELECT 1 AS one'), [{ one: 1 }])
    t.notOk(written)
    await write
  })

  t.test('who cannot wait any more is refused', async (t) => {
    const results = await Promise.all(Array.from({ length: 1010 }, () => errorOf(store.query('SELECT 1'))))
    const refused = results.filter((error) => error !== null)
    t.equal(refused.length, 9, 'one runs, 1000 wait')
    t.ok(refused.every((error) => error.code === 'STORE_UNAVAILABLE' && error.retryable))
  })
})

t.test('closing lets everything end that was accepted, and refuses the rest', async (t) => {
  const store = await openEmbeddedStore({ path, logger })
  const accepted = [store.query('SELECT sleep(0.3)'), store.command('SELECT sleep(0.3)')]
  const closed = store.close()
  t.match(await errorOf(store.query('SELECT 1')), { code: 'STORE_UNAVAILABLE' })
  t.same(await Promise.all(accepted.map(errorOf)), [null, null])
  await closed
})

t.test('another retention changes every table that expires', async (t) => {
  const days = async (retentionDays?: number) => {
    const store = await openEmbeddedStore(
      retentionDays === undefined ? { path, logger } : { path, logger, retentionDays },
    )
    await store.migrate()
    const rows = await store.query<{ days: string; tables: string }>(
      `SELECT extract(engine_full, 'toIntervalDay\\\\((\\\\d+)\\\\)') AS days, count() AS tables FROM system.tables
       WHERE database = 'gatepost' AND engine_full LIKE '%toIntervalDay(%' GROUP BY days`,
    )
    await store.close()
    return rows
  }
  t.same(await days(), [{ days: '32', tables: '15' }])
  t.same(await days(7), [{ days: '7', tables: '15' }])
  t.same(await days(), [{ days: '32', tables: '15' }])
})

t.test('migrations', async (t) => {
  const store = await openEmbeddedStore({ path, logger })
  t.teardown(() => store.close())
  const sql: SqlConnection = {
    rows: <T>(text: string) => store.query<T>(text),
    run: (text) => store.command(text),
  }
  const shipped = loadMigrations()
  const table = 'CREATE TABLE IF NOT EXISTS gatepost.next (n UInt8) ENGINE = MergeTree ORDER BY n'
  const next = (...statements: string[]): Migration => ({
    version: shipped.length + 1,
    name: 'next',
    checksum: statements.join(),
    statements,
  })

  t.test('a failed statement is named, and the migration can be run again', async (t) => {
    const failure = await errorOf(migrate(sql, [...shipped, next(table, 'ALTER TABLE gatepost.nowhere')], logger))
    t.match(failure, { code: 'STORE_MIGRATION', message: /\(next\), statement 2/ })
    await migrate(sql, [...shipped, next(table, 'SELECT 1')], logger)
  })

  t.test('a migration that has been applied must not change', async (t) => {
    const failure = await errorOf(migrate(sql, [...shipped, next(table)], logger))
    t.match(failure, { code: 'STORE_MIGRATION', message: /is not the file that was applied/ })
  })

  t.test('tables of a newer program are left alone', async (t) => {
    t.match(await errorOf(store.migrate()), { code: 'STORE_MIGRATION', message: /newer than this program/ })
  })
})
