import { pino } from 'pino'
import t from 'tap'
import { adminQuery, type Answer, asReader, namedReader, query, send, startHarness } from './harness.ts'

let log = ''
const logger = pino({ level: 'error' }, { write: (line: string) => (log += line) })
const harness = await startHarness({
  password: 'default-password',
  readers: [
    namedReader('metrics', { hidden: ['readings.name'], limits: { maxExecutionSeconds: 1, maxMemoryBytes: 50e6 } }),
    namedReader('one_column', { shown: ['readings.id'] }),
    namedReader('nothing_of_it', { hidden: ['readings'] }),
    namedReader('misspelt', { hidden: ['readings.nam'] }),
    namedReader('greedy', { limits: { maxExecutionSeconds: 1e6, maxMemoryBytes: 1e15, maxResultBytes: 1e15 } }),
  ],
  logger,
})
t.teardown(() => harness.close())
const { url } = harness

const as = (user: string) => asReader(url, user)

const code = (answer: Answer) => answer.headers['x-clickhouse-exception-code']

t.test('passwords', async (t) => {
  t.equal((await as('metrics')('SELECT count() FROM readings')).text, '10\n')
  t.equal(code(await query(url, 'SELECT 1', { user: 'metrics', password: 'wrong password' })), '516')
  t.equal(code(await query(url, 'SELECT 1', { user: 'metrics' })), '194')
  t.equal(code(await query(url, 'SELECT 1', { user: 'nobody', password: 'password of metrics' })), '516')
  t.equal(
    (
      await send(url, {
        body: 'SELECT 1',
        headers: { 'X-ClickHouse-User': 'metrics', 'X-ClickHouse-Key': 'password of metrics' },
      })
    ).text,
    '1\n',
  )
})

/* Ways to a hidden column. */
const PEEKS = [
  'SELECT name FROM readings',
  'SELECT * FROM readings',
  'SELECT readings.* FROM readings',
  'SELECT r.name FROM readings AS r',
  `SELECT COLUMNS('.*') FROM readings`,
  `SELECT * APPLY toString FROM readings`,
  `SELECT count() FROM readings WHERE name = 'n1'`,
  `SELECT count() FROM readings PREWHERE name = 'n1'`,
  'SELECT id FROM readings ORDER BY name',
  'SELECT count() FROM readings GROUP BY name',
  'SELECT id FROM readings LIMIT 1 BY name',
  `SELECT count() FROM readings HAVING any(name) = 'n1'`,
  'WITH x AS (SELECT id, name FROM readings) SELECT name FROM x',
  `SELECT 'n1' IN (SELECT name FROM readings)`,
  `SELECT (SELECT groupArray(name) FROM readings)`,
  'SELECT a.id FROM readings AS a INNER JOIN readings AS b ON a.name = b.name',
  `SELECT exists(SELECT 1 FROM readings WHERE name = 'n1')`,
  'SELECT * FROM by_view',
  'SELECT name FROM by_view',
  'SELECT row_number() OVER (PARTITION BY name) FROM readings',
  'SELECT * FROM view(SELECT name FROM gatepost.readings)',
  `SELECT id FROM readings SETTINGS additional_table_filters = {'readings': 'name = \\'n1\\''}`,
  'SELECT * FROM mergeTreeIndex(gatepost, readings)',
  `SELECT * FROM merge('gatepost', 'readings')`,
  'EXPLAIN SELECT name FROM readings',
  'DESCRIBE TABLE readings',
  'SHOW CREATE TABLE readings',
  'SELECT name AS other FROM readings',
  'WITH name AS n SELECT n FROM readings',
  'WITH x -> name AS f SELECT f(1) FROM readings',
  `SELECT COLUMNS('^na') FROM readings`,
  'SELECT COLUMNS(id, name) FROM readings',
  'SELECT * EXCEPT (id) FROM readings',
  `SELECT * EXCEPT ('^id$') FROM readings`,
  'SELECT * EXCEPT (name) REPLACE (length(name) AS id) FROM readings',
  'SELECT * EXCEPT (id) APPLY max FROM readings',
  'SELECT * APPLY (x -> x) FROM readings',
  `SELECT COLUMNS('name') APPLY length FROM readings`,
  'SELECT tuple(*) FROM readings',
  'SELECT cityHash64(*) FROM readings',
  'SELECT arrayMap(x -> name, [1]) FROM readings',
  'SELECT length(name) FROM readings',
  'SELECT name.size FROM readings',
  `SELECT id FROM by_view WHERE name = 'n1'`,
  'SELECT label FROM by_label',
  'SELECT id FROM by_order',
  `SELECT count() FROM readings JOIN (SELECT 'n1' AS name) AS b USING name`,
  `SELECT b.name FROM (SELECT 'n1' AS name) AS b SEMI LEFT JOIN readings USING name`,
  `SELECT b.name FROM (SELECT 'n1' AS name) AS b ANTI LEFT JOIN readings USING name`,
  `SELECT a.id FROM readings AS a, (SELECT 'n1' AS x) AS b WHERE a.name = b.x`,
  'SELECT * FROM (SELECT id FROM readings) AS a PASTE JOIN (SELECT name FROM readings) AS b',
  `SELECT (1, 'n1') IN readings`,
  `SELECT (1, 'n1') IN by_view`,
  'SELECT count() FROM readings GROUP BY GROUPING SETS ((id), (name))',
  `SELECT id FROM readings QUALIFY name = 'n1'`,
  'SELECT DISTINCT ON (name) id FROM readings',
  'SELECT id FROM readings UNION ALL SELECT cityHash64(name) FROM readings',
  'SELECT id, (SELECT r.name) FROM readings AS r',
  `SELECT id FROM readings AS r WHERE EXISTS(SELECT 1 FROM numbers(1) WHERE r.name = 'n1')`,
  `SELECT id, (SELECT count() FROM numbers(9) WHERE r.name = concat('n', toString(number))) FROM readings AS r`,
  'WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT length(name) FROM readings WHERE id = 1) SELECT * FROM r LIMIT 3',
  `SELECT * FROM merge('readings')`,
  `SELECT * FROM remote('127.0.0.1', gatepost.readings)`,
  'SELECT * FROM loop(readings)',
  `SELECT * FROM viewIfPermitted(SELECT name FROM readings ELSE null('name String'))`,
  `SELECT dictGet('d', 'name', toUInt64(1))`,
  `SELECT joinGet('readings', 'name', 1)`,
  `SELECT formatRow('CSV', *) FROM readings`,
  'SELECT max(name) FROM readings SETTINGS use_query_cache = 1',
  `SELECT id FROM readings SETTINGS additional_result_filter = 'id = 1'`,
  `SELECT query FROM system.query_log`,
  'SELECT * FROM system.parts_columns',
  'EXPLAIN ESTIMATE SELECT count() FROM readings WHERE name = 1',
  `EXPLAIN QUERY TREE SELECT (SELECT groupArray(name) FROM readings)`,
  'DESCRIBE (SELECT name FROM readings)',
]

t.test('what is hidden is refused, however it is asked for', async (t) => {
  for (const view of [
    'by_view AS SELECT id, name FROM readings',
    'by_label AS SELECT name AS label FROM readings',
    'by_order AS SELECT id FROM readings ORDER BY name',
  ]) {
    t.equal((await adminQuery(url, `CREATE VIEW ${view}`)).status, 200)
  }
  for (const user of ['metrics', 'one_column', 'nothing_of_it']) {
    for (const sql of PEEKS) {
      const answer = await as(user)(sql)
      t.ok(answer.status >= 400, `${user}: ${sql}`, { text: answer.text.slice(0, 200) })
      t.notMatch(answer.text, /n1\n/)
    }
    const parameter = await as(user)('SELECT {c:Identifier} FROM readings', { param_c: 'name' })
    t.equal(code(parameter), '497')
    const filter = await as(user)('SELECT count() FROM readings', {
      additional_table_filters: `{'readings': 'name = 1'}`,
    })
    t.equal(code(filter), '164')
  }
  for (const user of ['metrics', 'one_column']) {
    t.equal((await as(user)('SELECT sum(id) FROM readings')).text, '45\n')
    t.equal((await as(user)('SELECT * EXCEPT (name) FROM readings ORDER BY id LIMIT 1')).text, '0\n')
    t.equal((await as(user)(`SELECT name FROM system.columns WHERE table = 'readings'`)).text, 'id\n')
  }
  t.equal((await as('metrics')('SELECT max(id) FROM by_view')).text, '9\n')
  t.equal(code(await as('one_column')('SELECT max(id) FROM by_view')), '497')
  t.equal((await as('nothing_of_it')(`SELECT count() FROM system.tables WHERE name = 'readings'`)).text, '0\n')
  t.equal((await as('greedy')('SELECT max(name) FROM readings')).text, 'n9\n')
})

t.test('the size of a table is shown to those who may read of it', async (t) => {
  const sizes = `SELECT table, sum(rows), sum(bytes) > 0, any(path) FROM system.parts WHERE table = 'readings' GROUP BY table`
  for (const user of ['metrics', 'one_column', 'greedy'])
    t.equal((await as(user)(sizes)).text, 'readings\t10\t1\t\n', user)
  t.equal((await as('nothing_of_it')(sizes)).text, '')
})

t.test('nothing is written, and no other role is taken', async (t) => {
  for (const sql of [
    `INSERT INTO readings VALUES (1, 'x')`,
    'CREATE TABLE leak (a UInt8) ENGINE = Memory',
    'SET ROLE ALL',
    'SET ROLE sql_reader',
    `SET profile = 'sql_reader'`,
    'SELECT * FROM default.private',
    'SELECT * FROM system.parts_columns',
  ]) {
    t.ok((await as('metrics')(sql)).status >= 400, sql)
  }
  t.equal(code(await as('metrics')('SELECT max(name) FROM readings', { role: 'sql_reader' })), '512')
  t.equal(code(await as('metrics')('SELECT max(name) FROM readings', { role: '' })), '497')
})

t.test('limits are lower than those of the endpoint, never higher', async (t) => {
  const slow = 'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1'
  t.match(await as('metrics')(slow), { status: 408, headers: { 'x-clickhouse-exception-code': '159' } })
  t.equal(code(await as('metrics')(`${slow} SETTINGS max_execution_time = 2`)), '452')
  t.equal(code(await as('metrics')('SELECT groupArray(number) FROM numbers(1000000000)')), '241')
  t.equal(code(await as('greedy')('SELECT 1 SETTINGS max_execution_time = 61')), '452')
})

t.test('a user whose hidden column does not exist is switched off', async (t) => {
  t.equal(code(await as('misspelt')('SELECT 1')), '516')
  t.match(
    log,
    /user misspelt is switched off, since database gatepost has no readings\.nam: correct GATEPOST_SQL_USERS/,
  )
})
