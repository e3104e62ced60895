import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { GatepostError } from '../../../common/errors.ts'
import { createLogger } from '../../../common/logger.ts'
import { loadMigrations, migrate, type Migration } from '../../migrations.ts'
import { KEPT_WITH, retentionOf, type Retention } from '../../retention.ts'
import type { SqlConnection } from '../../sql.ts'
import { makeBatch, repeated } from '../../../schemas/test/records.ts'
import { batchUuid } from '../../exactly-once/identity.ts'
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

t.test('files of an interrupted insert are removed, and none remains', async (t) => {
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

  t.test('a query that failed half-way leaves no bytes in the next result', async (t) => {
    // The engine keeps the output of a failed query and puts it in front of the connection's next result.
    t.match(await errorOf(store.query('SELECT * FROM numbers(100000000)')), { code: 'STORE_REFUSED' })
    t.same(await store.query('SELECT 1 AS one'), [{ one: 1 }])
    const late = 'SELECT throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000'
    t.match(await errorOf(store.query(late)), { code: 'STORE_REFUSED' })
    t.same(await store.query('SELECT 2 AS two'), [{ two: 2 }])
  })

  t.test('a query cannot write', async (t) => {
    t.match(await errorOf(store.query(`INSERT INTO gatepost.ip_locations (ip) VALUES ('192.0.2.1')`)), {
      code: 'STORE_REFUSED',
    })
    t.same(await store.query('SELECT ip FROM gatepost.ip_locations'), [])
  })

  t.test('reads do not wait for writes', async (t) => {
    let written = false
    const write = store
      .command(`INSERT INTO gatepost.ip_locations (ip, location_id) SELECT 'x', sleepEachRow(1) FROM numbers(2)`)
      .then(() => (written = true))
    t.same(await store.query('SELECT 1 AS one'), [{ one: 1 }])
    t.notOk(written)
    await write
  })

  t.test('a query is refused if the queue is full', async (t) => {
    const results = await Promise.all(Array.from({ length: 1010 }, () => errorOf(store.query('SELECT 1'))))
    const refused = results.filter((error) => error !== null)
    t.equal(refused.length, 9, 'one runs, 1000 wait')
    t.ok(refused.every((error) => error.code === 'STORE_UNAVAILABLE' && error.retryable === 'always'))
  })
})

t.test('closing completes accepted statements, and refuses others', async (t) => {
  const store = await openEmbeddedStore({ path, logger })
  const accepted = [store.query('SELECT sleep(0.3)'), store.command('SELECT sleep(0.3)')]
  const closed = store.close()
  t.match(await errorOf(store.query('SELECT 1')), { code: 'STORE_UNAVAILABLE' })
  t.same(await Promise.all(accepted.map(errorOf)), [null, null])
  await closed
})

t.test('a change of the retention alters every table that expires', async (t) => {
  const days = async (retention?: Retention) => {
    const store = await openEmbeddedStore(retention === undefined ? { path, logger } : { path, logger, retention })
    await store.migrate()
    const rows = await store.query<{ days: string; tables: string }>(
      `SELECT extract(engine_full, 'toIntervalDay\\\\((\\\\d+)\\\\)') AS days, count() AS tables FROM system.tables
       WHERE database = 'gatepost' AND engine_full LIKE '%toIntervalDay(%' GROUP BY days`,
    )
    await store.close()
    return rows
  }
  t.same(await days(), [{ days: '32', tables: '23' }])
  t.same(await days(retentionOf(7)), [{ days: '7', tables: '23' }])
  t.same(await days(), [{ days: '32', tables: '23' }])
})

t.test('tables can get their own retention, and the general one again', async (t) => {
  const ttls = async (retention?: Retention) => {
    const store = await openEmbeddedStore(retention === undefined ? { path, logger } : { path, logger, retention })
    await store.migrate()
    const rows = await store.query<{ name: string; ttl: string }>(
      `SELECT name, extract(engine_full, ' TTL (.+) SETTINGS') AS ttl FROM system.tables
       WHERE database = 'gatepost' AND engine_full LIKE '% TTL %' ORDER BY name`,
    )
    await store.close()
    return new Map(rows.map(({ name, ttl }) => [name, ttl]))
  }
  const before = await ttls()
  // Retention lists exactly the tables that expire after days: a new table has to be added.
  const expiring = [...before].filter(([, ttl]) => ttl.includes('toIntervalDay')).map(([name]) => name)
  t.same(Object.keys(retentionOf(32)).sort(), expiring)

  const retention = retentionOf(32, { post_auth: 400, gateway_pings: 14, dead_letters: 90, session_hours: 60 })
  const changed = await ttls(retention)
  for (const [name, ttl] of before) {
    const days = (retention as Readonly<Record<string, number | undefined>>)[name]
    t.equal(
      changed.get(name),
      days === undefined ? ttl : ttl.replace('toIntervalDay(32)', `toIntervalDay(${days})`),
      name,
    )
  }
  t.match(changed.get('login_calendar'), 'toIntervalDay(400)', 'it follows post_auth')
  for (const [name, other] of Object.entries(KEPT_WITH))
    t.match(changed.get(name), `toIntervalDay(${other === 'session_hours' ? 60 : 32})`, name)
  t.match(changed.get('gateway_auth'), 'toIntervalDay(32)')
  t.same(await ttls(), before)
})

t.test('rows expire by the retention of their table, earlier rows too', async (t) => {
  const HOUR = 3_600_000
  const store = await openEmbeddedStore({ path, logger })
  await store.migrate()
  const old = Date.now() - 20 * 24 * HOUR
  const streams = ['post_auth', 'gateway_pings'] as const
  for (const stream of streams) await store.insertOnce(stream, [makeBatch(stream, old, repeated(3))])
  await store.close()

  const shorter = await openEmbeddedStore({ path, logger, retention: retentionOf(32, { gateway_pings: 14 }) })
  t.teardown(() => shorter.close())
  await shorter.migrate()
  const rows = async (table: string, time = 'received_at') => {
    await shorter.command(`OPTIMIZE TABLE gatepost.${table} FINAL`)
    const [{ n }] = await shorter.query<{ n: number }>(
      `SELECT toUInt32(count()) AS n FROM gatepost.${table} WHERE ${time} < now() - INTERVAL 15 DAY`,
    )
    return n
  }
  t.same([await rows('post_auth'), await rows('gateway_pings'), await rows('gateway_latest', 'last_seen')], [3, 0, 0])
})

t.test('a batch whose dead letters have expired before its rows counts as stored whole', async (t) => {
  // Root cause: a repeated insert counts rows and dead letters, and dead letters may have a shorter retention than rows.
  const DAY = 24 * 3_600_000
  const store = await openEmbeddedStore({ path, logger, retention: retentionOf(32, { dead_letters: 5 }) })
  t.teardown(() => store.close())
  await store.migrate()
  for (const [age, outcome] of [
    [10, 'there'],
    [1, 'STORE_INCONSISTENT'],
  ] as const) {
    const batch = makeBatch('gateway_auth', Date.now() - age * DAY, repeated(3))
    await store.insertOnce('gateway_auth', [batch])
    await store.command(
      `ALTER TABLE gatepost.gateway_auth DELETE WHERE batch_id = '${batchUuid(batch)}' AND batch_index = 1 SETTINGS mutations_sync = 2`,
    )
    const error = await errorOf(
      store.insertOnce('gateway_auth', [batch]).then((found) => t.same(found, { rows: 0, alreadyPresent: 1 })),
    )
    t.equal(error?.code ?? 'there', outcome, `${age} days`)
  }
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

  t.test('tables of a later version are left unchanged, and the version is named', async (t) => {
    t.match(await errorOf(store.migrate()), { code: 'STORE_MIGRATION', message: /newer than this program/ })
    await store.command(
      "ALTER TABLE gatepost.schema_migrations UPDATE gatepost = '99.0.0' WHERE name = 'next' SETTINGS mutations_sync = 1",
    )
    t.match(await errorOf(store.migrate()), {
      message: /came with Gatepost 99\.0\.0\. Install Gatepost 99\.0\.0 or later/,
    })
  })

  t.test('a migration that rewrites data continues with the month at which it was interrupted', async (t) => {
    await store.command(
      'CREATE TABLE gatepost.rewritten (received_at DateTime64(3), n UInt32) ENGINE = ReplacingMergeTree ORDER BY received_at',
    )
    await store.command(
      "INSERT INTO gatepost.rewritten SELECT toDateTime64('2024-01-15 00:00:00', 3) + toIntervalMonth(number), 0 FROM numbers(4)",
    )
    const rewriting: Migration = {
      ...next(
        'CREATE TABLE IF NOT EXISTS gatepost.made (n UInt8) ENGINE = MergeTree ORDER BY n',
        '-- by month of gatepost.rewritten\nINSERT INTO gatepost.rewritten SELECT received_at, {month} FROM gatepost.rewritten FINAL WHERE toYYYYMM(received_at) = {month}',
      ),
      version: shipped.length + 2,
      name: 'rewriting',
    }
    const all = [...shipped, next(table, 'SELECT 1'), rewriting]
    const ran: string[] = []
    const cutOff: SqlConnection = {
      ...sql,
      run: (text) => {
        const month = /SELECT received_at, (\d+)/.exec(text)?.[1]
        if (month === '202403') return Promise.reject(new Error('cut off'))
        if (month !== undefined) ran.push(month)
        return sql.run(text)
      },
    }
    t.match(await errorOf(migrate(cutOff, all, logger)), { message: /statement 2\/202403: cut off/ })
    t.same(ran.splice(0), ['202401', '202402'])
    const counted: SqlConnection = {
      ...sql,
      run: (text) => {
        const month = /SELECT received_at, (\d+)/.exec(text)?.[1]
        if (month !== undefined) ran.push(month)
        return sql.run(text)
      },
    }
    await migrate(counted, all, logger)
    t.same(ran, ['202403', '202404'], 'finished steps are not repeated')
    t.same(await store.query('SELECT DISTINCT n FROM gatepost.rewritten FINAL ORDER BY n'), [
      { n: 202401 },
      { n: 202402 },
      { n: 202403 },
      { n: 202404 },
    ])
  })
})
