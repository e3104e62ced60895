import { createHash } from 'node:crypto'
import t from 'tap'
import { until } from '../../test/helpers/until.ts'
import { ADMIN, send, startHarness, type Answer } from './harness.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const harness = await startHarness({
  password: 'reader-password',
  readers: [
    { name: 'narrow', passwordSha256: sha256('narrow-password'), shown: ['readings.id'], hidden: [], limits: {} },
  ],
  limits: {
    maxExecutionSeconds: 3600,
    maxSessions: 20,
    maxSessionsOfUser: 12,
    maxTableSessions: 4,
    maxTableSessionsOfUser: 3,
    maxSessionTableBytes: 4_000_000,
    maxTableBytes: 6_000_000,
    maxReaderDataBytes: 100_000,
    maxAllReaderDataBytes: 150_000,
  },
})
t.teardown(() => harness.close())
await harness.direct.queryAsync(`INSERT INTO default.private VALUES ('top-secret')`)
const { url } = harness

const READER = { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': 'reader-password' }
const NARROW = { 'X-ClickHouse-User': 'narrow', 'X-ClickHouse-Key': 'narrow-password' }

let sessions = 0
/** Sends statements in one session. */
function session(headers: Record<string, string> = READER, id = `s${sessions++}`) {
  const ask = (body: string, params: Record<string, string> = {}): Promise<Answer> =>
    send(url, { body, headers, params: { session_id: id, ...params } })
  const text = async (body: string, params: Record<string, string> = {}): Promise<string> =>
    (await ask(body, params)).text
  const end = (): Promise<Answer> => ask('SELECT 1', { close_session: '1' })
  return { id, ask, text, end }
}
const code = ({ headers }: Answer): string | undefined => headers['x-clickhouse-exception-code'] as string | undefined

t.test('temporary tables', async (t) => {
  const { ask, text, end } = session()
  t.equal(await text('CREATE TEMPORARY TABLE mine (id UInt64, name String DEFAULT upper(toString(id)))'), '')
  t.equal(await text('INSERT INTO mine (id) SELECT number FROM numbers(3)'), '')
  t.match(await ask(`INSERT INTO mine FORMAT CSV\n7,"seven"\n`), { status: 200, text: '' })
  t.match(await ask('INSERT INTO mine VALUES', { query: 'INSERT INTO mine VALUES' }), { status: 400 })
  t.equal(await text('SELECT * FROM mine ORDER BY id'), '0\t0\n1\t1\n2\t2\n7\tseven\n')
  t.equal(await text('SELECT count() FROM readings WHERE id IN (SELECT id FROM mine)'), '4\n')
  t.equal(
    await text('SELECT count() FROM readings AS r JOIN mine AS m ON r.id = m.id WHERE m.name = {n:String}', {
      param_n: 'seven',
    }),
    '1\n',
  )
  t.equal(await text('CREATE TEMPORARY TABLE sums ENGINE = Memory AS SELECT sum(id) AS s FROM readings'), '')
  t.equal(await text('SELECT s FROM sums FORMAT JSONEachRow'), '{"s":45}\n')
  t.equal(await text('SHOW TEMPORARY TABLES'), 'mine\nsums\n')
  t.equal(await text('EXISTS TEMPORARY TABLE mine'), '1\n')
  t.match(await text('SHOW CREATE TEMPORARY TABLE sums'), /^CREATE TEMPORARY TABLE sums/)
  t.equal(await text('DESCRIBE TABLE sums'), 's\tUInt64\t\t\t\t\t\n')
  t.equal(await text('SELECT name FROM system.tables WHERE is_temporary ORDER BY name'), 'mine\nsums\n')
  t.equal(await text('TRUNCATE TABLE mine'), '')
  t.equal(await text('SELECT count() FROM mine'), '0\n')
  t.equal(await text('DROP TABLE mine'), '')
  t.equal(code(await ask('SELECT * FROM mine')), '60')
  t.equal(await text('DROP TEMPORARY TABLE IF EXISTS mine'), '')
  t.equal(await text('DROP TEMPORARY TABLE sums'), '')
  await end()
  t.equal(
    code(await send(url, { body: 'CREATE TEMPORARY TABLE mine (id UInt8)', headers: READER })),
    '113',
    'without a session',
  )
})

t.test('of every user, who sees nothing else by them', async (t) => {
  const narrow = session(NARROW)
  t.equal(await narrow.text('CREATE TEMPORARY TABLE seen AS SELECT id FROM readings'), '')
  t.equal(await narrow.text('SELECT count() FROM seen'), '10\n')
  t.equal(code(await narrow.ask('CREATE TEMPORARY TABLE more AS SELECT name FROM readings')), '497')
  t.equal(code(await narrow.ask('INSERT INTO seen SELECT length(name) FROM readings')), '497')
  t.equal(code(await narrow.ask('SELECT * FROM readings JOIN seen USING (id)')), '497')
  await narrow.end()
  const admin = session(ADMIN)
  t.equal(await admin.text('CREATE TEMPORARY TABLE source AS SELECT 100 AS id, toString(1) AS name'), '')
  t.equal(await admin.text('CREATE TABLE kept (id UInt64, name String) ENGINE = MergeTree ORDER BY id'), '')
  t.equal(await admin.text('INSERT INTO kept SELECT * FROM source'), '')
  t.equal(await admin.text('SELECT * FROM kept'), '100\t1\n')
  t.equal(await admin.text('DROP TABLE kept'), '')
  await admin.end()
})

t.test('a temporary table with the name of a real one hides it in its session only', async (t) => {
  const one = session()
  const other = session()
  t.equal(await one.text('CREATE TEMPORARY TABLE readings (id UInt64, name String)'), '')
  t.equal(await one.text('SELECT count() FROM readings'), '0\n')
  t.equal(await one.text('SELECT count() FROM gatepost.readings'), '10\n')
  t.equal(await other.text('SELECT count() FROM readings'), '10\n')
  t.equal((await send(url, { body: 'SELECT count() FROM readings', headers: READER })).text, '10\n')
  t.equal(await one.text('INSERT INTO readings SELECT 1, toString(1)'), '')
  t.equal(code(await one.ask('INSERT INTO gatepost.readings SELECT 1, toString(1)')), '164')
  t.equal(await one.text('DROP TABLE readings'), '')
  t.equal(code(await one.ask('DROP TABLE readings')), '164', 'the real one')
  t.equal(code(await one.ask('TRUNCATE TABLE readings')), '164')
  t.equal(code(await one.ask(`INSERT INTO readings SELECT 1, 'x'`)), '164')
  t.equal(await one.text('SELECT count() FROM readings'), '10\n')
  await one.end()
  await other.end()
})

t.test('nobody else sees a session', async (t) => {
  const { id, text, ask } = session()
  t.equal(await text('CREATE TEMPORARY TABLE mine AS SELECT 1 AS x'), '')
  t.equal(await text('SET max_block_size = 77, param_p = 5'), '')
  for (const headers of [ADMIN, NARROW]) {
    const same = session(headers, id)
    t.equal(code(await same.ask('SELECT * FROM mine')), '60')
    t.equal(code(await same.ask('SELECT 1', { session_check: '1' })), undefined, 'a session of its own')
    t.equal(await same.text('SHOW TEMPORARY TABLES'), '')
    t.equal(code(await same.ask('SELECT {p:UInt8}')), '456')
    await same.end()
    t.equal(code(await same.ask('SELECT 1', { session_check: '1' })), '372')
  }
  t.equal(await text('SELECT x, {p:UInt8} FROM mine'), '1\t5\n')
  t.equal(code(await send(url, { body: 'SELECT * FROM mine', headers: READER })), '60', 'without its id')
  t.equal(code(await ask('SELECT * FROM `_temporary_and_external_tables`.mine')), '497')
  t.equal(
    (await send(url, { body: 'SELECT count() FROM system.tables WHERE is_temporary', headers: READER })).text,
    '0\n',
  )
  await ask('SELECT 1', { close_session: '1' })
  t.equal(await text('SHOW TEMPORARY TABLES'), '', 'the same id is a new session')
  t.equal(code(await ask('SELECT * FROM mine')), '60')
})

t.test('attempts to get more by a temporary table', async (t) => {
  const { ask, text, end } = session()
  t.equal(await text('CREATE TEMPORARY TABLE mine (s String)'), '')
  for (const sql of [
    `CREATE TEMPORARY TABLE f (x String) ENGINE = File('CSV', '/etc/hostname')`,
    `CREATE TEMPORARY TABLE f (x String) ENGINE = URL('http://127.0.0.1:1', 'CSV')`,
    'CREATE TEMPORARY TABLE f (x UInt8) ENGINE = MergeTree ORDER BY x',
    'CREATE TEMPORARY TABLE f (x UInt8) ENGINE = Memory SETTINGS max_rows_to_keep = 3',
    `CREATE TEMPORARY TABLE f (x String DEFAULT file('/etc/hostname'))`,
    'CREATE TEMPORARY TABLE f AS default.private',
    'CREATE TEMPORARY TABLE f AS gatepost.readings',
    `CREATE TEMPORARY TABLE f AS file('/etc/hostname')`,
    'CREATE TEMPORARY TABLE f AS SELECT * FROM default.private',
    'CREATE TEMPORARY TABLE default.f (x UInt8)',
    'CREATE TEMPORARY VIEW f AS SELECT 1',
    'CREATE VIEW f AS SELECT * FROM mine',
    'CREATE TABLE f (x UInt8) ENGINE = Memory',
    'CREATE TABLE mine (x UInt8) ENGINE = Memory',
    'INSERT INTO default.private SELECT 1',
    'INSERT INTO mine SELECT secret FROM default.private',
    `INSERT INTO mine SELECT file('/etc/hostname')`,
    `INSERT INTO FUNCTION file('/tmp/x', 'CSV', 'a UInt8') SELECT 1`,
    `INSERT INTO mine FROM INFILE '/etc/hostname' FORMAT LineAsString`,
    'ALTER TABLE mine ADD COLUMN x UInt8',
    'RENAME TABLE mine TO gatepost.mine',
    'EXCHANGE TABLES mine AND readings',
    'DROP TABLE mine, readings',
    'DROP TABLE gatepost.readings',
    'SET ROLE ALL',
    'SET ROLE sql_admin',
    `SET profile = 'default'`,
    'SET readonly = 0; DROP TABLE readings',
    'SET max_memory_usage = 1000000000000',
    'SET max_execution_time = 0',
    'SET allow_introspection_functions = 1',
    `SET query_cache_tag = 'x'`,
  ]) {
    const answer = await ask(sql)
    t.match(code(answer), /^(497|164|115|452|62)$/, `${sql}: ${answer.text}`)
    t.equal(code(await send(url, { body: sql, headers: READER })) === undefined, false, `${sql}, without a session`)
  }
  t.equal(await text('SELECT count() FROM mine'), '0\n')
  t.equal(await text('SELECT count() FROM readings'), '10\n')
  // A connection that was used stays limited.
  t.equal(code(await ask('SELECT * FROM default.private')), '497')
  t.equal(code(await ask('SELECT count() FROM numbers(1000000000000)', { max_execution_time: '0.2' })), '159')
  t.equal((await ask('INSERT INTO mine SELECT 1', { query: '' })).status, 200)
  const byLink = await send(url, {
    method: 'GET',
    headers: READER,
    params: { session_id: 'link', query: 'CREATE TEMPORARY TABLE x (a UInt8)' },
  })
  t.equal(code(byLink), '113', 'a link on a page makes nothing')
  await end()
})

t.test('settings and parameters are kept for the session', async (t) => {
  const { ask, text, end } = session()
  const zone = `SELECT toString(toDateTime(0)) AS t, {p:String}`
  t.equal(await text(`SET session_timezone = 'Asia/Tokyo', param_p = 'a\\'b'`), '')
  t.equal(await text(zone), `1970-01-01 09:00:00\ta\\'b\n`)
  t.equal(
    await text(zone, { session_timezone: 'UTC', param_p: 'c' }),
    '1970-01-01 00:00:00\tc\n',
    'a request goes first',
  )
  t.equal(await text('SET session_timezone = DEFAULT'), '')
  t.equal(await text(zone), `1970-01-01 00:00:00\ta\\'b\n`)
  t.equal(await text('USE gatepost'), '')
  t.equal(code(await ask('USE system')), '81')
  t.equal(code(await ask('SET nosuch = 1')), '115')
  t.equal(code(await ask(`SET join_algorithm = 'nonsense'`)), '418')
  t.equal(await text('SET send_progress_in_http_headers = 1'), '', 'without effect')
  // With a connection of the session: what was sent with one request is not there in the next.
  t.equal(await text('CREATE TEMPORARY TABLE mine AS SELECT 1 AS x'), '')
  t.equal(
    await text('SELECT {q:UInt8}, toString(toDateTime(0)) FROM mine', { param_q: '3', session_timezone: 'Asia/Tokyo' }),
    '3\t1970-01-01 09:00:00\n',
  )
  t.equal(await text('SELECT toString(toDateTime(0)) FROM mine'), '1970-01-01 00:00:00\n')
  t.equal(code(await ask('SELECT {q:UInt8} FROM mine')), '456')
  t.equal(await text('SELECT {p:String} FROM mine', { max_rows_to_read: '1' }), `a\\'b\n`)
  await end()
  t.equal(code(await ask(zone)), '456', 'gone with the session')
  await end()
  const many = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`param_x${i}`, '1']))
  const set = `SET ${Object.keys(many)
    .map((name) => `${name} = 1`)
    .join(', ')}`
  t.equal(code(await ask(set)), '36')
  t.equal((await send(url, { body: 'SET max_block_size = 3', headers: READER })).status, 200, 'without a session')
  await end()
})

/* Symptom: the engine puts what a failed statement had written of its result before the next result of the connection. */
t.test('who may write can ask to read only, for a request or for the rest of a session', async (t) => {
  const { ask, text, end } = session(ADMIN)
  const writes = `INSERT INTO readings VALUES (99, 'x')`
  for (const readonly of ['1', '2'])
    t.equal(code(await send(url, { body: writes, headers: ADMIN, params: { readonly } })), '164')
  t.equal(await text(`SET readonly = 1`), '')
  for (const readonly of ['0', '1']) {
    t.equal(code(await ask(writes, { readonly })), '164')
    t.equal(code(await ask('DROP TABLE readings', { readonly })), '164')
  }
  for (const sql of ['SET readonly = 0', 'SET readonly = DEFAULT', 'SET readonly = 3'])
    t.equal(code(await ask(sql)), '164', sql)
  t.equal(await text('SELECT count() FROM readings'), '10\n')
  t.equal(await text('SELECT count() > 0 FROM system.metrics'), '1\n', 'it is still admin')
  await end()
})

t.test('nothing of a failed statement is in the next answer', async (t) => {
  const { ask, text, end } = session()
  t.equal(await text('CREATE TEMPORARY TABLE mine AS SELECT 1 AS x'), '')
  const fails = 'SELECT x, number, throwIf(number = 50000) FROM numbers(100000), mine'
  for (const params of [{ wait_end_of_query: '1' }, { default_format: 'JSON' }, {}] as Record<string, string>[]) {
    await ask(fails, { max_block_size: '1000', ...params })
    t.equal(await text('SELECT x FROM mine'), '1\n')
  }
  await end()
})

t.test('one request at a time', async (t) => {
  const { ask, text, end } = session()
  t.equal(await text('CREATE TEMPORARY TABLE mine AS SELECT 1 AS x'), '')
  const endless = 'SELECT count() FROM numbers(100000000000000) WHERE sipHash64(number) = 1'
  const slow = ask(endless, { query_id: 'endless', max_threads: '1' })
  t.ok(await until(() => harness.endpoint.stats().active === 1))
  const second = await ask('SELECT 1')
  t.equal(code(second), '373')
  t.match(second.text, /is locked by a concurrent client/)
  const kill = `KILL QUERY WHERE query_id = 'endless'`
  t.ok(await until(async () => (await send(url, { body: kill, headers: READER })).text !== ''))
  t.equal(code(await slow), '394')
  t.equal(await text('SELECT x FROM mine'), '1\n')
  await end()
})

t.test('parameters of a session', async (t) => {
  const { ask, id } = session()
  t.equal(code(await ask('SELECT 1', { session_check: '1' })), '372')
  t.equal(code(await ask('SELECT 1', { session_timeout: 'x' })), '374')
  t.equal(code(await ask('SELECT 1', { session_timeout: '3601' })), '374')
  t.equal(code(await ask('SELECT 1', { session_id: '' })), '744')
  t.equal(code(await ask('SELECT 1', { session_id: 'x'.repeat(257) })), '36')
  t.equal(code(await ask('SELECT 1', { session_timeout: '3600' })), undefined)
  t.equal(code(await ask('SELECT 1', { session_check: '1' })), undefined)
  t.equal(
    code(await send(url, { body: 'SELECT 1', headers: ADMIN, params: { session_id: id, session_check: '1' } })),
    '372',
  )
  // Each request that comes before its end gives the session its own time.
  t.ok(await until(async () => code(await ask('SELECT 1', { session_timeout: '0', session_check: '1' })) === '372'))
})

t.test('number and size are bounded', async (t) => {
  const made = [session(), session(), session()]
  for (const { text } of made) t.equal(await text('CREATE TEMPORARY TABLE mine (x UInt64)'), '')
  const fourth = session()
  t.equal(code(await fourth.ask('CREATE TEMPORARY TABLE mine (x UInt64)')), '700', 'three of one user')
  const [first, second] = made
  t.equal(code(await first.ask('INSERT INTO mine SELECT number FROM numbers(1000000)')), '241', 'of a session')
  t.equal(code(await first.ask('SELECT * FROM mine')), '60', 'it was dropped')
  for (const { text } of [first, second]) {
    t.equal(await text('CREATE TEMPORARY TABLE fits AS SELECT number FROM numbers(300000)'), '')
  }
  t.match(await made[2].text('CREATE TEMPORARY TABLE third AS SELECT number FROM numbers(300000)'), /of all sessions/)
  t.equal(await second.text('SELECT count() FROM fits'), '300000\n')
  await first.end()
  t.equal(await fourth.text('CREATE TEMPORARY TABLE fits AS SELECT number FROM numbers(300000)'), '', 'one has ended')
  for (const { end } of [second, made[2], fourth]) await end()

  const tables = session()
  for (let n = 0; n < 50; n++) t.equal(await tables.text(`CREATE TEMPORARY TABLE t${n} (x UInt8)`), '')
  t.equal(code(await tables.ask('CREATE TEMPORARY TABLE t50 (x UInt8)')), '724')
  await tables.end()

  const data = session()
  t.equal(await data.text('CREATE TEMPORARY TABLE mine (s String)'), '')
  t.match(await data.ask(`INSERT INTO mine FORMAT LineAsString\n${'x'.repeat(120_000)}`), { status: 413 })
  t.match(await data.ask(`INSERT INTO mine FORMAT LineAsString\n${'x'.repeat(90_000)}`), { status: 200 })
  await data.end()

  // Sessions in which nothing was set make room.
  for (let n = 0; n < 30; n++) t.equal(await session().text('SELECT 1'), '1\n')
  const kept = Array.from({ length: 12 }, () => session())
  for (const { text } of kept) t.equal(await text('SET max_block_size = 1000'), '')
  t.equal(code(await session().ask('SELECT 1')), '700')
  t.equal(code(await session(ADMIN).ask('SELECT 1')), undefined, 'another user')
  for (const { end } of kept) await end()
})
