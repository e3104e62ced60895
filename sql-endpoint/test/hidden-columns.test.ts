import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { Connection } from '../connection.ts'
import { Engine } from '../engine.ts'
import { adminQuery, asReader, namedReader, query, startHarness } from './harness.ts'

/*
 * Ways to a hidden column that do not name it, or name a part of it. With GRANT SELECT ON a table and REVOKE SELECT(column), the engine gave
 * the parts of the column, what is computed from it, and the values that the table is partitioned by; and indexHint() gave the granules in which a
 * value is, also to who sees single columns.
 */
const HIDDEN = ['key', 'part', 's', 'n', 'l', 'a', 'an', 'm', 't', 'j'].map((column) => `kinds.${column}`)
const SEEN = ['id', 'v', 'vt'].map((column) => `kinds.${column}`)
const TABLES = [
  `CREATE TABLE gatepost.kinds (id UInt64, key UInt64, part String, s String, n Nullable(String), l LowCardinality(String),
     a Array(String), an Array(Nullable(String)), m Map(String, String), t Tuple(x String, y UInt8), j JSON, v String, vt Tuple(x String, y UInt8))
   ENGINE = MergeTree PARTITION BY part ORDER BY key SETTINGS index_granularity = 2`,
  `INSERT INTO gatepost.kinds SELECT number, number * 10, concat('secret', toString(number % 2)), 'secret', if(number % 2, NULL, 'secret'),
     'secret', ['secret'], ['secret', NULL], map('secret', 'secret'), ('secret', 1), '{"x": "secret"}', 'seen', ('seen', 1) FROM numbers(10)`,
  `CREATE TABLE gatepost.computed (id UInt64, s String, up String ALIAS upper(s), low String MATERIALIZED lower(s), plain String ALIAS 'x')
   ENGINE = MergeTree ORDER BY id`,
  `INSERT INTO gatepost.computed (id, s) SELECT number, 'secret' FROM numbers(10)`,
  'CREATE TABLE gatepost.tuples (id UInt64, origin Tuple(mac String, other String)) ENGINE = MergeTree ORDER BY id',
  `INSERT INTO gatepost.tuples VALUES (1, ('secret', ''))`,
  'CREATE VIEW gatepost.origins AS SELECT id, origin.mac AS mac FROM gatepost.tuples',
  'CREATE MATERIALIZED VIEW gatepost.copies ENGINE = MergeTree ORDER BY id POPULATE AS SELECT id, s FROM gatepost.kinds',
]

let log = ''
const logger = pino({ level: 'error' }, { write: (line: string) => (log += line) })
const readers = [
  namedReader('hiding', { hidden: [...HIDDEN, 'copies', 'tuples.origin'] }),
  // On a busy machine a small statement takes a second.
  namedReader('limited', { hidden: HIDDEN, limits: { maxExecutionSeconds: 5, maxMemoryBytes: 100e6 } }),
  namedReader('showing', { shown: SEEN }),
  namedReader('computing', { hidden: ['computed.s'] }),
  namedReader('computing_less', { hidden: ['computed.s', 'computed.low'] }),
  namedReader('computing_right', { hidden: ['computed.s', 'computed.low', 'computed.up'] }),
  namedReader('computing_by_name', { shown: ['computed.id', 'computed.up'] }),
  namedReader('dotted', { hidden: ['dotted.a.b'] }),
]
const harness = await startHarness({ password: 'default-password', readers, logger }, [
  ...TABLES,
  'CREATE TABLE gatepost.dotted (id UInt64, `a.b` Array(String)) ENGINE = MergeTree ORDER BY id',
  `INSERT INTO gatepost.dotted VALUES (1, ['secret'])`,
])
t.teardown(() => harness.close())
const { url } = harness

const as = (user: string) => asReader(url, user)

/** Each reads, or tells something of, a hidden column. */
const PEEKS = [
  ...['key', 'part', 's', 'n', 'l', 'a', 'an', 'm', 't', 'j'].map((column) => `SELECT ${column} FROM kinds`),
  ...[
    's.size',
    'n.null',
    'n.size',
    'a.size0',
    'a.size',
    'an.size0',
    'an.null',
    'm.keys',
    'm.values',
    'm.size0',
    'm.key_secret',
  ],
  ...[
    't.x',
    't.1',
    't.y',
    'j.x',
    'j.x.:String',
    'j.^x',
    '`s.size`',
    '`t.x`',
    '`m.values`',
    'kinds.s.size',
    'gatepost.kinds.t.x',
    'kinds.`t.x`',
  ],
  ...[
    'length(s)',
    'empty(s)',
    'notEmpty(s)',
    `s = ''`,
    `s != ''`,
    'n IS NULL',
    'isNotNull(n)',
    'count(n)',
    'length(a)',
    'empty(a)',
  ],
  ...[
    'mapKeys(m)',
    'mapValues(m)',
    `m['secret']`,
    `mapContains(m, 'secret')`,
    `tupleElement(t, 'x')`,
    'tupleElement(t, 1)',
  ],
  ...[
    `getSubcolumn(s, 'size')`,
    `getSubcolumn(t, 'x')`,
    `COLUMNS('^s$') APPLY length`,
    `COLUMNS(t.x)`,
    '* EXCEPT (id)',
  ],
  ...['tuple(t.x)', 'arrayMap(x -> t.x, [1])', 'max(s.size)', 'if(id < 5, t.x, v)', 't.*', 'k.t.x'],
].map((expression) =>
  expression.startsWith('SELECT')
    ? expression
    : `SELECT ${expression} FROM kinds${expression.startsWith('k.') ? ' AS k' : ''}`,
)
PEEKS.push(
  'SELECT * REPLACE (t.x AS v) FROM kinds',
  'SELECT id FROM kinds WHERE length(s) = 6',
  'SELECT id FROM kinds PREWHERE s.size = 6',
  'SELECT count() FROM kinds GROUP BY t.x',
  'SELECT id FROM kinds ORDER BY s.size',
  'SELECT id FROM kinds LIMIT 1 BY t.x',
  `SELECT count() FROM kinds HAVING any(t.x) = 'secret'`,
  'SELECT id, row_number() OVER (PARTITION BY t.x) FROM kinds',
  'SELECT q.size FROM (SELECT s AS q FROM kinds)',
  'SELECT q.x FROM (SELECT t AS q FROM kinds)',
  'WITH t AS q SELECT q.x FROM kinds',
  'WITH x -> t.x AS f SELECT f(id) FROM kinds',
  'SELECT x FROM kinds ARRAY JOIN m.keys AS x',
  `SELECT count() FROM kinds AS b JOIN (SELECT 'secret' AS x) AS c ON b.t.x = c.x`,
  'SELECT b.id FROM kinds AS b JOIN (SELECT 6 AS len) AS c ON length(b.s) = c.len',
  `SELECT count() FROM kinds JOIN (SELECT 'secret' AS s) AS c USING s`,
  `SELECT count() FROM kinds NATURAL JOIN (SELECT 'secret' AS s) AS c`,
  'SELECT id, (SELECT k.t.x) FROM kinds AS k',
  `SELECT id FROM kinds AS k WHERE EXISTS(SELECT 1 FROM numbers(1) WHERE k.s = 'secret')`,
  `SELECT (SELECT groupArray(t.x) FROM kinds)`,
  `SELECT 'secret' IN (SELECT t.x FROM kinds)`,
  `SELECT (1, 'secret') IN copies`,
  'SELECT * FROM view(SELECT t.x FROM gatepost.kinds)',
  'EXPLAIN SELECT t.x FROM kinds',
  'EXPLAIN QUERY TREE SELECT (SELECT groupArray(t.x) FROM kinds)',
  'EXPLAIN ESTIMATE SELECT id FROM kinds WHERE key > 50',
  `EXPLAIN ESTIMATE SELECT id FROM kinds WHERE indexHint(part = 'secret1')`,
  'SELECT id FROM kinds WHERE indexHint(key > 50)',
  `SELECT count() FROM kinds WHERE indexHint(part = 'secret1')`,
  'SELECT arrayMap(indexHint, [1])',
  'SELECT _part FROM kinds',
  'SELECT _partition_id, count() FROM kinds GROUP BY 1',
  'SELECT _partition_value FROM kinds',
  `SELECT * EXCEPT (key, part, s, n, l, a, an, m, t, j) FROM kinds SETTINGS asterisk_include_virtual_columns = 1`,
  'SELECT * FROM copies',
  `SELECT id FROM kinds SETTINGS additional_table_filters = {'kinds': 't.x = \\'secret\\''}`,
)

/** Refused to every reader. */
const REFUSED = [
  "SELECT dictGet('kinds', 's', 1)",
  `SELECT * FROM merge('gatepost', 'kinds')`,
  `SELECT * FROM mergeTreeIndex(gatepost, kinds)`,
  'SELECT * FROM system.parts_columns',
  'SELECT id FROM kinds SETTINGS optimize_functions_to_subcolumns = 1',
  `SELECT id FROM kinds SETTINGS additional_result_filter = 't.x = \\'secret\\''`,
]

t.test('what is hidden is not told by its parts, its table or its index', async (t) => {
  const inner = (await adminQuery(url, `SELECT name FROM system.tables WHERE name LIKE '.inner%'`)).text.trim()
  t.match(inner, /^\.inner/)
  for (const user of ['hiding', 'showing']) {
    for (const sql of [...PEEKS, ...REFUSED, `SELECT * FROM \`${inner}\``, `SELECT 1 IN \`${inner}\``]) {
      const answer = await as(user)(sql)
      t.ok(answer.status >= 400, `${user}: ${sql}`, { text: answer.text.slice(0, 200) })
    }
    for (const path of ['t.x', 's.size', 'kinds.t.x']) {
      const answer = await as(user)('SELECT {c:Identifier} FROM kinds', { param_c: path })
      t.ok(answer.status >= 400, path, { text: answer.text })
    }
    const optimised = await as(user)('SELECT length(s) FROM kinds', { optimize_functions_to_subcolumns: '1' })
    t.ok(optimised.status >= 400)
  }
  // Not refused for another reason.
  const asDefault = { user: 'default', password: 'default-password' }
  const refused: string[] = []
  for (const sql of PEEKS) if ((await query(url, sql, asDefault)).status >= 400) refused.push(sql)
  t.same(refused, [])
  for (const sql of PEEKS) t.notMatch((await as('hiding')(sql)).text, /^secret/, sql)
})

t.test('the rest is there', async (t) => {
  for (const user of ['hiding', 'showing']) {
    for (const [sql, answer] of [
      [
        'SELECT count(), sum(id), max(length(v)), max(tupleElement(vt, 1)), countIf(notEmpty(v)) FROM kinds',
        '10\t45\t4\tseen\t10\n',
      ],
      ['SELECT * EXCEPT (key, part, s, n, l, a, an, m, t, j) FROM kinds ORDER BY id LIMIT 1', `0\tseen\t('seen',1)\n`],
      ['SELECT k.v FROM kinds AS k WHERE id = 3', 'seen\n'],
      [`SELECT name FROM system.columns WHERE table = 'kinds' ORDER BY name`, 'id\nv\nvt\n'],
    ]) {
      t.equal((await as(user)(sql)).text, answer, sql)
    }
  }
  t.equal((await as('hiding')('SELECT max(vt.x) FROM kinds')).text, 'seen\n')
  t.equal(
    (
      await query(url, 'SELECT max(t.x), max(length(s)) FROM kinds WHERE indexHint(key > 0)', {
        user: 'default',
        password: 'default-password',
      })
    ).text,
    'secret\t6\n',
  )
})

t.test('a view does not tell elements of tuples of Gatepost', async (t) => {
  for (const user of ['hiding', 'showing']) {
    for (const sql of [
      'SELECT mac FROM origins',
      `SELECT id FROM origins WHERE mac = 'secret'`,
      'SELECT * FROM origins',
    ]) {
      t.equal((await as(user)(sql)).status, 403, sql)
    }
  }
  t.equal((await as('hiding')('SELECT id FROM origins')).text, '1\n')
  t.equal((await adminQuery(url, 'SELECT mac FROM origins')).text, 'secret\n')
})

t.test('the catalogue says how large parts are, not what is in them', async (t) => {
  for (const user of ['hiding', 'showing']) {
    const sizes = `SELECT sum(rows), sum(bytes) > 0, countIf(name != '' OR part_name != '') FROM system.parts WHERE table = 'kinds'`
    t.equal((await as(user)(sizes)).text, '10\t1\t0\n')
    for (const sql of [
      'SELECT * FROM system.parts',
      'SELECT partition FROM system.parts',
      'SELECT system.parts.partition FROM system.parts',
    ]) {
      t.notMatch((await as(user)(sql)).text, /secret/, sql)
    }
  }
})

t.test('the engine refuses parts of common types without the guard, too', async (t) => {
  const engine = new Engine(join(harness.scratch, 'store'))
  const settings = { readonly: '1', optimize_functions_to_subcolumns: '0' }
  const overdue = { afterMs: 60_000, report: () => undefined }
  for (const expression of [
    's',
    's.size',
    'n.null',
    'n.size',
    'a.size0',
    'm.keys',
    'm.values',
    'length(s)',
    'n IS NULL',
    '_partition_value',
    '_part',
  ]) {
    const connection = await Connection.open(engine, { role: 'sql_reader_hiding', settings }, overdue)
    await t.rejects(connection.run(`SELECT ${expression} FROM kinds`, 'TSV'), /ACCESS_DENIED/, expression)
    await connection.close()
  }
  engine.close()
})

t.test('who sees what is computed from a hidden column is switched off', async (t) => {
  for (const user of ['computing', 'computing_less']) {
    t.equal((await as(user)('SELECT 1')).headers['x-clickhouse-exception-code'], '516', user)
  }
  t.match(
    log,
    /user computing is switched off, since computed\.up is computed from a column that is hidden, and is not, and computed\.low is/,
  )
  t.notMatch(log, /computing_right|computing_by_name|hiding|showing|limited/)
  t.equal((await as('computing_right')('SELECT max(id), max(plain) FROM computed')).text, '9\tx\n')
  t.ok((await as('computing_right')('SELECT up FROM computed')).status >= 400)
  t.equal(
    (await as('computing_by_name')('SELECT max(up) FROM computed')).text,
    'SECRET\n',
    'named: whoever wrote that meant it',
  )
})

t.test('a name with dots', async (t) => {
  for (const sql of [
    'SELECT a.b FROM dotted',
    'SELECT `a.b` FROM dotted',
    'SELECT a.b.size0 FROM dotted',
    'SELECT a.b.null FROM dotted',
    'SELECT gatepost.dotted.`a.b`.size0 FROM dotted',
    'SELECT `a.b`.size0 FROM dotted',
    'SELECT * FROM dotted',
    'SELECT length(a.b) FROM dotted',
    'SELECT dotted.a.b FROM dotted',
  ]) {
    const answer = await as('dotted')(sql)
    t.ok(answer.status >= 400, sql, { text: answer.text })
  }
  t.equal((await as('dotted')('SELECT id FROM dotted')).text, '1\n')
})

t.test('sessions have the same limits and rights', async (t) => {
  const session = { session_id: 'of-limited' }
  const ask = (sql: string) => as('limited')(sql, session)
  for (const sql of [
    'SET max_execution_time = 60',
    'SET max_execution_time = 0',
    'SET max_memory_usage = 10000000000',
    'SET optimize_functions_to_subcolumns = 1',
    'SET ROLE ALL',
    'SET ROLE sql_reader',
    `SET profile = 'sql_reader'`,
    'CREATE TEMPORARY TABLE copy AS SELECT s FROM kinds',
    'CREATE TEMPORARY TABLE copy AS SELECT t.x FROM kinds',
    'CREATE TEMPORARY TABLE copy AS kinds',
  ]) {
    t.ok((await ask(sql)).status >= 400, sql)
  }
  t.equal((await ask('CREATE TEMPORARY TABLE copy (s String, n UInt64)')).status, 200)
  for (const select of ['s, 1', 't.x, 1', 'v, s.size', 'v, length(s)']) {
    t.ok((await ask(`INSERT INTO copy SELECT ${select} FROM kinds`)).status >= 400, select)
  }
  t.equal((await ask('INSERT INTO copy SELECT v, id FROM kinds')).status, 200)
  t.equal((await ask('SELECT count() FROM copy')).text, '10\n')
  t.ok((await ask('SELECT length(s) FROM kinds')).status >= 400, 'on the connection of the session')
  const slow = 'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1'
  t.match(await ask(slow), { status: 408 })
  t.match((await ask('SELECT groupArray(number) FROM numbers(1000000000)')).text, /Code: 241/)
})
