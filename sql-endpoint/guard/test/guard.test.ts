import { existsSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { ESCAPES, OF_ADMINS } from './escapes.ts'
import { adminQuery, query, send, startHarness, type Answer } from '../../test/harness.ts'

const harness = await startHarness()
t.teardown(() => harness.close())

const file = join(harness.scratch, 'secret.txt')
writeFileSync(file, 'top-secret\n')
const created = join(harness.scratch, 'created.txt')

let visits = 0
const canary: Server = createServer((socket) => {
  visits++
  socket.destroy()
})
await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve))
t.teardown(() => canary.close())
const canaryUrl = `http://127.0.0.1:${(canary.address() as AddressInfo).port}`

const fill = (sql: string): string =>
  sql
    .replaceAll("FILE'", `${file}'`)
    .replaceAll('NEW', created)
    .replaceAll(/(?<=['"])URL/g, canaryUrl)

async function state(): Promise<string> {
  const tables = await harness.direct.queryAsync(
    `SELECT groupArray((database, name)) FROM (SELECT database, name FROM system.tables WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema') ORDER BY ALL)`,
    { format: 'TSV' },
  )
  const rows = await harness.direct.queryAsync('SELECT count(), sum(cityHash64(*)) FROM gatepost.readings', {
    format: 'TSV',
  })
  const databases = await harness.direct.queryAsync('SELECT groupArray(name) FROM system.databases', { format: 'TSV' })
  return tables.text() + rows.text() + databases.text()
}

function refused(answer: Answer): boolean {
  return answer.status >= 400 && !answer.text.includes('top-secret') && answer.text.includes('DB::Exception')
}

t.test('every escape is refused to readers and to admin, and has no effect', async (t) => {
  const before = await state()
  const directory = await readdir(harness.scratch)
  for (const escape of ESCAPES) {
    const sql = fill(escape)
    for (const run of [query, adminQuery]) {
      const answer = await run(harness.url, sql)
      t.ok(refused(answer), `${run.name}: ${escape}`, { status: answer.status, text: answer.text.slice(0, 500) })
      t.notOk(existsSync(created), `no file: ${escape}`)
    }
  }
  t.equal(await state(), before, 'tables and rows are unchanged')
  t.strictSame(await readdir(harness.scratch), directory, 'no other file')
  t.equal(visits, 0, 'nothing reached the network')
})

t.test('bytes of literals that are no UTF-8 do not hide what follows them', async (t) => {
  const call = `arrayMap(file, ['${file}'])`
  // Each byte as U+FFFD is two longer, so where the engine has the call, a text made of such characters has what stands before it.
  const harmless = `arrayMap(trim, [x${file}x])`
  for (const more of ['', 'x']) {
    const before = harmless + more
    for (let bytes = 0; bytes <= before.length; bytes++) {
      const sql = `SELECT '${'\\xff'.repeat(bytes)}${before}', ${call}`
      for (const run of [query, adminQuery]) {
        const answer = await run(harness.url, sql)
        t.ok(answer.text.includes('Function file is not available here'), `${run.name}: ${sql}`, { text: answer.text })
      }
    }
  }
})

t.test('bytes of literals that are no UTF-8 are what the statement says', async (t) => {
  for (const [literal, hex] of [
    [`'\\xff'`, 'FF'],
    [`'\\xe9é\\xe9'`, 'E9C3A9E9'],
    [`'\\xc3\\xa9'`, 'C3A9'],
    [`'\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xc0\\x80'`, 'EDA080F4908080C080'],
    [`'\\\\\\xff\\''`, '5CFF27'],
    [`'\u{1f4f6} \\x80'`, 'F09F93B62080'],
    [`$$\\xff$$`, '5C786666'],
  ]) {
    const answer = await query(harness.url, `SELECT hex(${literal}), 'ж' AS \`é\` FORMAT TSV`)
    t.equal(answer.text, `${hex}\tж\n`, literal)
  }
})

t.test('tables that look after the engine: for admin only, of database gatepost, without paths', async (t) => {
  await adminQuery(harness.url, 'SELECT nosuch FROM readings')
  for (const sql of OF_ADMINS) {
    t.match(await query(harness.url, sql), { status: 403 }, sql)
    const answer = await adminQuery(harness.url, sql)
    t.equal(answer.status, 200, sql, { text: answer.text.slice(0, 400) })
    t.notMatch(answer.text, harness.scratch, sql)
    t.equal((await adminQuery(harness.url, sql.replace('SELECT * FROM', 'DESCRIBE TABLE'))).status, 200)
  }
  t.equal(
    (await adminQuery(harness.url, 'SELECT DISTINCT database, table FROM system.parts')).text,
    'gatepost\treadings\n',
  )
})

t.test('readers see the sizes of tables and columns', async (t) => {
  const sizes = `SELECT total_rows, total_bytes > 0 FROM system.tables WHERE name = 'readings'`
  t.equal((await query(harness.url, sizes)).text, '10\t1\n')
  const columns = `SELECT name, data_compressed_bytes FROM system.columns WHERE table = 'readings'`
  t.equal((await query(harness.url, columns)).status, 200)
  const parts = await query(harness.url, 'SELECT * FROM system.parts')
  t.equal(parts.status, 200)
  t.notMatch(parts.text, harness.scratch)
})

t.test("Grafana's ad hoc filters", async (t) => {
  for (const [settings, count] of [
    [`additional_table_filters = {'readings': 'id > 6'}`, '3'],
    [
      `max_threads = 1, additional_table_filters = {'gatepost.readings': ' name = \\'n1\\' '}, max_block_size = 100`,
      '1',
    ],
    [`additional_table_filters = {'readings': 'id > 6 AND name != \\'it\\\\\\'s\\''}`, '3'],
    [`additional_table_filters = {'readings': 'id IN (SELECT 3)', 'other': '1'}`, '1'],
    [`additional_table_filters = {}`, '10'],
  ]) {
    const answer = await query(harness.url, `SELECT count() FROM readings SETTINGS ${settings}`)
    t.equal(answer.text, `${count}\n`, settings)
  }
})

t.test('the formats that are listed work, and no others are listed', async (t) => {
  const listed = (condition: string) =>
    query(harness.url, `SELECT name FROM system.formats WHERE ${condition} ORDER BY name`).then(({ text }) =>
      text.trim().split('\n'),
    )
  for (const name of await listed('is_output')) {
    // Those that want columns of their own kind.
    const column =
      name === 'GeoJSON' ? '(1.0, 2.0)::Point AS a' : name === 'Prometheus' ? `'m' AS name, 1.5 AS value` : `'x' AS a`
    const answer = await query(harness.url, `SELECT ${column} FORMAT ${name}`)
    t.equal(answer.status, 200, name, { text: answer.text.slice(0, 300) })
  }
  t.notMatch(await listed('1'), ['ODBCDriver2'])
  t.notOk((await listed('1')).some((name) => /Protobuf|CapnProto|Template|MySQL|Postgre|ODBC|Regexp/.test(name)))
  t.ok((await listed('is_input')).includes('Native'))
})

t.test('parameters of all types', async (t) => {
  for (const [type, value, expected] of [
    ['UInt64', '18446744073709551615', '18446744073709551615'],
    ['Int256', '-5', '-5'],
    ['Float64', '1.5', '1.5'],
    ['Decimal(10, 2)', '1.50', '1.5'],
    ['Bool', 'true', 'true'],
    ['String', 'a\\tb', 'a\\tb'],
    ['FixedString(2)', 'ab', 'ab'],
    ['Date', '2026-11-29', '2026-11-29'],
    ['Date32', '2026-11-29', '2026-11-29'],
    ['DateTime', '2026-11-29 01:02:03', '2026-11-29 01:02:03'],
    [`DateTime('Asia/Tokyo')`, '2026-11-29 01:02:03', '2026-11-29 01:02:03'],
    ['DateTime64(3)', '2026-11-29 01:02:03.456', '2026-11-29 01:02:03.456'],
    ['UUID', '61f0c404-5cb3-11e7-907b-a6006ad3dba0', '61f0c404-5cb3-11e7-907b-a6006ad3dba0'],
    ['IPv4', '10.0.0.1', '10.0.0.1'],
    ['IPv6', 'fe80::1', 'fe80::1'],
    [`Enum8('a' = 1, 'b' = 2)`, 'b', 'b'],
    ['LowCardinality(String)', 'x', 'x'],
    ['Nullable(UInt8)', '\\N', '\\N'],
    ['Array(String)', `['a', 'it\\'s']`, `['a','it\\'s']`],
    ['Array(Array(UInt8))', '[[1], [2, 3]]', '[[1],[2,3]]'],
    ['Array(Nullable(UInt8))', '[1, NULL]', '[1,NULL]'],
    ['Tuple(UInt8, String)', `(1, 'a')`, `(1,'a')`],
    ['Array(Tuple(String, UInt8))', `[('a', 1)]`, `[('a',1)]`],
    ['Map(String, UInt8)', `{'a': 1}`, `{'a':1}`],
    ['JSON', '{"a": 1}', '{"a":1}'],
    ['Array(DateTime)', `['2026-11-29 01:02:03']`, `['2026-11-29 01:02:03']`],
  ]) {
    const answer = await query(harness.url, `SELECT {p:${type}}`, { param_p: value })
    t.match(answer, { status: 200, text: `${expected}\n` }, type)
  }
})

t.test('readers write nothing', async (t) => {
  const before = await state()
  for (const sql of [
    'CREATE TABLE x (a UInt8) ENGINE = Memory',
    `INSERT INTO readings VALUES (1, 'x')`,
    `INSERT INTO readings FORMAT CSV\n1,x\n`,
    'INSERT INTO readings SELECT * FROM readings',
    'DROP TABLE readings',
    'TRUNCATE TABLE readings',
    'ALTER TABLE readings DELETE WHERE 1',
    'DELETE FROM readings WHERE 1',
    'OPTIMIZE TABLE readings',
    'RENAME TABLE readings TO other',
    'CREATE VIEW v AS SELECT 1',
  ]) {
    const answer = await query(harness.url, sql)
    t.match(answer, { status: 500, headers: { 'x-clickhouse-exception-code': '164' } }, sql)
  }
  const get = await send(harness.url, {
    params: { query: 'DROP TABLE readings', user: 'admin', password: 'adm' },
  })
  t.equal(get.headers['x-clickhouse-exception-code'], '164', 'nor does admin by GET')
  t.equal(await state(), before)
})

t.test('parameters cannot name a table function or a foreign table, or end a statement', async (t) => {
  const attempts: [string, Record<string, string>][] = [
    ["SELECT * FROM {f:Identifier}('x')", { param_f: 'file' }],
    ['SELECT * FROM {d:Identifier}.{t:Identifier}', { param_d: 'default', param_t: 'private' }],
    ['SELECT * FROM {t:Identifier}', { param_t: 'default.private' }],
    ['SELECT * FROM {t:Identifier}', { param_t: "a` UNION ALL SELECT * FROM file('x') --" }],
    ['SELECT * FROM {t:Identifier}', { param_t: 'a\nb' }],
    ["SELECT {f:Identifier}('x')", { param_f: 'file' }],
    ['SELECT {a:String} FROM {t:String}', { param_a: '1', param_t: 'readings' }],
    ['SELECT {a:Array(Identifier)}', { param_a: "['x']" }],
    ['SELECT 1', { "param_a = 1; DROP TABLE readings; SET b'": '1' }],
  ]
  for (const [sql, params] of attempts) {
    const answer = await query(harness.url, sql, params)
    t.ok(refused(answer), sql, { text: answer.text.slice(0, 300) })
  }
  const injected = await query(harness.url, 'SELECT {a:String} AS a', { param_a: `x\\'; DROP TABLE readings; --` })
  t.equal(injected.text, `x\\'; DROP TABLE readings; --\n`, 'a value stays a value')
  const table = await query(harness.url, 'SELECT count() FROM {t:Identifier}', { param_t: 'readings' })
  t.equal(table.text, '10\n')
})

t.test('settings of a request and their limits', async (t) => {
  for (const [name, value, code] of [
    ['format_schema', '/etc/passwd', '164'],
    ['max_table_size_to_drop', '1', '164'],
    ['allow_introspection_functions', '1', '164'],
    ['input_format_record_errors_file_path', '/tmp/x', '164'],
    ['no_such_setting', '1', '115'],
    ['additional_table_filters', `{'default.private':'1'}`, '497'],
    ['additional_table_filters', `{'x':'y'`, '62'],
    ['max_threads', 'abc', '36'],
    ['path', '/tmp', '115'],
    ['config-file', '/tmp', '115'],
    ['join_algorithm', 'x\n--path=/tmp', '36'],
  ]) {
    const answer = await query(harness.url, 'SELECT 1', { [name ?? '']: value ?? '' })
    t.equal(answer.headers['x-clickhouse-exception-code'], code, `${name}=${value}`, { text: answer.text })
  }
  for (const [name, value] of [
    ['max_execution_time', '0'],
    ['max_memory_usage', '999999999999999'],
    ['output_format_json_quote_64bit_integers', '0'],
    ['send_progress_in_http_headers', '1'],
    ['extremes', '1'],
    ['session_timezone', 'Europe/Berlin'],
    // What dbt sends with each statement.
    ['mutations_sync', '3'],
    ['insert_distributed_sync', '1'],
    ['distributed_foreground_insert', '1'],
    ['allow_nondeterministic_mutations', '1'],
  ]) {
    const answer = await query(harness.url, 'SELECT 1', { [name ?? '']: value ?? '' })
    t.equal(answer.status, 200, `${name}=${value}`, { text: answer.text })
  }
})

t.test('the settings of one request are not those of the next', async (t) => {
  const sql = 'SELECT id FROM readings ORDER BY id LIMIT 1'
  const quoted = await query(harness.url, sql, {
    default_format: 'JSONEachRow',
    output_format_json_quote_64bit_integers: '1',
  })
  const plain = await query(harness.url, sql, { default_format: 'JSONEachRow' })
  t.equal(quoted.text, '{"id":"0"}\n')
  t.equal(plain.text, '{"id":0}\n')
  const unset = await query(harness.url, 'SELECT {a:String}')
  t.equal(unset.headers['x-clickhouse-exception-code'], '456')
  const zone = await query(harness.url, `SELECT toString(toDateTime(0)) SETTINGS session_timezone = 'Asia/Tokyo'`)
  t.equal(zone.text, '1970-01-01 09:00:00\n')
  t.equal((await query(harness.url, 'SELECT toString(toDateTime(0))')).text, '1970-01-01 00:00:00\n')
})

t.test('queries of analysts and tools', async (t) => {
  const allowed = [
    'SELECT 1',
    '(SELECT 1)',
    'FROM readings SELECT id',
    'SELECT * FROM readings ORDER BY id',
    'SELECT * FROM gatepost.readings',
    'WITH x AS (SELECT 1 AS q) SELECT x.q FROM x',
    'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r',
    'WITH system AS (SELECT 1 AS a) SELECT a FROM system',
    'SELECT count(), uniqExact(name), quantile(0.9)(id), quantilesTDigest(0.5, 0.9)(id), countIf(id > 3), sumMerge(s) FROM (SELECT id, name, sumState(id) AS s FROM readings GROUP BY id, name)',
    'SELECT toStartOfInterval(now(), INTERVAL 5 MINUTE) AS time, count() FROM readings GROUP BY time ORDER BY time WITH FILL STEP 60',
    `SELECT CASE WHEN id = 1 THEN 'a' ELSE 'b' END, CASE id WHEN 1 THEN 2 END, id::String, CAST(id AS Decimal(10, 2)), if(id > 0, 1, 2), id > 1 ? 1 : 2 FROM readings`,
    `SELECT date '2026-01-01', interval 1 day, extract(YEAR FROM now()), substring(name FROM 1 FOR 1), trim(BOTH ' ' FROM name), position('a' IN name) FROM readings`,
    "SELECT id BETWEEN 1 AND 2, name LIKE 'n%', name ILIKE 'N%', id IN (1, 2), id IN (SELECT 1), id NOT IN (3), id IS NULL, NOT id, -id, (id, name).1, [1, 2][1] FROM readings",
    'SELECT sum(id) OVER (PARTITION BY name ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), row_number() OVER w, lagInFrame(id) OVER w FROM readings WINDOW w AS (ORDER BY id)',
    "SELECT arrayMap((x, y) -> x + y, [1], [2]), arrayJoin([1, 2]), mapKeys(map('a', 1)), tuple(1, 2), arrayReduce('sum', [1, 2])",
    'WITH x -> x + 1 AS next, (a, b) -> next(a) + b AS both SELECT both(id, 1), arrayMap(next, [1]) FROM readings',
    'SELECT id, n FROM readings ARRAY JOIN [1, 2] AS n LIMIT 3 BY id LIMIT 5 OFFSET 1',
    'SELECT a.id FROM readings AS a ANY LEFT JOIN readings AS b ON a.id = b.id WHERE a.id > 1',
    'SELECT id, count() FROM readings GROUP BY GROUPING SETS ((id), ()) HAVING count() > 0 ORDER BY ALL',
    'SELECT id % 2 AS k, count() FROM readings GROUP BY k WITH TOTALS',
    "SELECT * EXCEPT (name), COLUMNS('name'), readings.* FROM readings",
    'SELECT * APPLY toString, * REPLACE (id + 1 AS id) FROM readings',
    'SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 3 EXCEPT SELECT 3',
    'SELECT exists(SELECT 1), (SELECT count() FROM readings)',
    'SELECT count(DISTINCT id), count(*) FILTER (WHERE id > 1), groupArray(5)(id), argMax(name, id), sum(id) FROM readings',
    'SELECT * FROM numbers(3)',
    'SELECT * FROM generateSeries(1, 3)',
    `SELECT * FROM values('a UInt8, b String', (1, 'x'))`,
    'SELECT * FROM view(SELECT 1)',
    'SELECT name FROM system.databases',
    'SELECT * FROM system.tables',
    `SELECT name, engine FROM system.tables WHERE database = 'gatepost'`,
    `SELECT t.name FROM system.tables AS t INNER JOIN system.columns AS c ON c.table = t.name`,
    `SELECT name, type FROM system.columns WHERE (database = 'gatepost') AND (table = 'readings')`,
    'SELECT table_name FROM information_schema.tables',
    'SELECT column_name FROM INFORMATION_SCHEMA.COLUMNS',
    'SELECT name FROM system.functions LIMIT 3',
    'SELECT version(), timezone(), currentDatabase(), currentUser(), displayName(), revision()',
    'SHOW TABLES',
    'SHOW TABLES FROM gatepost',
    'SHOW DATABASES',
    'SHOW CREATE TABLE readings',
    'SHOW COLUMNS FROM readings',
    'DESCRIBE TABLE readings',
    'DESC (SELECT 1)',
    'DESCRIBE TABLE system.tables',
    'EXISTS TABLE readings',
    'EXPLAIN SELECT * FROM readings',
    'EXPLAIN PLAN indexes = 1 SELECT * FROM readings WHERE id = 1',
    'EXPLAIN SYNTAX SELECT 1',
    'EXPLAIN PIPELINE SELECT 1',
    'EXPLAIN AST SELECT 1',
    'SELECT 1 FORMAT JSON',
    'SELECT 1 FORMAT JSON SETTINGS max_threads = 1',
    'SELECT 1 SETTINGS max_threads = 1, max_execution_time = 5 FORMAT JSONCompact',
    'SELECT 1;',
    '-- a comment\nSELECT 1 -- another',
    "SELECT `id` AS \"a b\", 'it''s', '\\n' FROM `readings`",
  ]
  for (const sql of allowed) {
    const answer = await query(harness.url, sql)
    t.equal(answer.status, 200, sql, { text: answer.text.slice(0, 400) })
  }
})

t.test('the catalogue shows only database gatepost, and no paths', async (t) => {
  t.equal((await query(harness.url, 'SELECT name FROM system.databases')).text, 'gatepost\n')
  t.equal((await query(harness.url, 'SELECT DISTINCT database FROM system.tables')).text, 'gatepost\n')
  t.equal((await query(harness.url, 'SELECT DISTINCT database FROM system.columns')).text, 'gatepost\n')
  for (const sql of ['SELECT * FROM system.tables', 'SELECT * FROM system.databases', 'SELECT * FROM nosuch']) {
    t.notMatch((await query(harness.url, sql)).text, harness.scratch, sql)
  }
})

t.test('statements of admin', async (t) => {
  for (const sql of [
    "CREATE TABLE work (id UInt64, at DateTime, name LowCardinality(String) DEFAULT lower('X') CODEC(ZSTD(1)), INDEX i name TYPE bloom_filter GRANULARITY 1) ENGINE = ReplacingMergeTree ORDER BY id PARTITION BY toYYYYMM(at) TTL at + INTERVAL 1 YEAR SETTINGS index_granularity = 1024, replicated_deduplication_window = '0'",
    'CREATE TABLE IF NOT EXISTS gatepost.work2 (a UInt8) ENGINE = Memory',
    'CREATE TABLE work3 AS readings',
    'CREATE TABLE work4 ENGINE = MergeTree ORDER BY id AS SELECT * FROM readings',
    'CREATE VIEW work_view AS SELECT id FROM gatepost.readings',
    'CREATE MATERIALIZED VIEW work_mv TO work3 AS SELECT * FROM work4',
    'INSERT INTO work (id, at) SELECT id, now() FROM readings',
    `INSERT INTO work (id, at, name) VALUES (100, '2099-01-01 00:00:00', 'it''s; DROP TABLE work'), (101, '2099-01-01 00:00:00', 'ab')`,
    "ALTER TABLE work ADD COLUMN note String AFTER id, MODIFY COLUMN note String DEFAULT 'x'",
    "ALTER TABLE work UPDATE note = 'y' WHERE id = 1 SETTINGS mutations_sync = 1",
    'ALTER TABLE work DELETE WHERE id = 2 SETTINGS mutations_sync = 1',
    'ALTER TABLE work MODIFY SETTING old_parts_lifetime = 100',
    'DELETE FROM work WHERE id = 3',
    'OPTIMIZE TABLE work FINAL',
    'RENAME TABLE work2 TO work5',
    'TRUNCATE TABLE work4',
    'DROP VIEW work_mv',
    'DROP VIEW work_view',
    'DROP TABLE work4',
    'DROP TABLE gatepost.work5',
    'DROP TABLE IF EXISTS work3 SYNC',
  ]) {
    const answer = await adminQuery(harness.url, sql)
    t.equal(answer.status, 200, sql, { text: answer.text.slice(0, 400) })
  }
  const rows = await query(harness.url, 'SELECT id, name FROM work WHERE id >= 100 ORDER BY id')
  t.equal(rows.text, `100\tit\\'s; DROP TABLE work\n101\tab\n`)
})
