import { createClient, type ClickHouseClient } from '@clickhouse/client'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { startHarness } from './harness.ts'

const harness = await startHarness()
t.teardown(() => harness.close())

function client(options: Parameters<typeof createClient>[0] = {}): ClickHouseClient {
  return createClient({ url: harness.url, database: 'gatepost', log: { level: 127 }, ...options })
}

t.test('the official client reads', async (t) => {
  for (const compression of [false, true]) {
    const reader = client({ compression: { response: compression, request: false } })
    t.match(await reader.ping(), { success: true })
    const one = await reader.query({ query: 'SELECT count() AS n FROM readings', format: 'JSON' })
    t.match(await one.json(), { data: [{ n: /^10$/ }], rows: 1 })
    const rows = await reader.query({
      query: 'SELECT id, name FROM readings WHERE id < {max:UInt64} AND name != {name:String} ORDER BY id',
      query_params: { max: 3, name: "it's\ta 'test' \\ " },
      format: 'JSONEachRow',
    })
    t.equal((await rows.json<{ name: string }>()).map((row) => row.name).join(), 'n0,n1,n2')
    const value = await reader.query({
      query: 'SELECT {v:String} AS v, {a:Array(String)} AS a, {n:Nullable(UInt8)} AS n',
      query_params: { v: "a\tb\nc'd\\e", a: ["x'y", 'z\n'], n: null },
      format: 'JSONEachRow',
    })
    t.strictSame(await value.json(), [{ v: "a\tb\nc'd\\e", a: ["x'y", 'z\n'], n: null }], 'values arrive as they were')
    await reader.close()
  }
})

t.test('a large result is streamed completely', async (t) => {
  for (const [compression, format] of [
    [false, 'JSONEachRow'],
    [true, 'JSONEachRow'],
    [false, 'JSONCompactEachRowWithNames'],
    [true, 'CSVWithNames'],
  ] as const) {
    const reader = client({ compression: { response: compression, request: false } })
    const result = await reader.query({
      query: 'SELECT number AS n, toString(number) AS s FROM numbers(500000)',
      format,
    })
    let rows = 0
    for await (const part of result.stream()) rows += part.length
    t.equal(rows, format.includes('WithNames') ? 500_001 : 500_000, `${format}, compression ${compression}`)
    await reader.close()
  }
})

/*
 * Failed once on a busy machine. The engine is at most three blocks ahead of what it has handed out, so the answer has begun before row 90 of
 * blocks of one row fails. And all of it is less than the client reads at once: of a mark that comes in two pieces it does not find the message.
 */
t.test('an error in the middle of a result reaches the client as an error', async (t) => {
  for (const compression of [false, true]) {
    const reader = client({ compression: { response: compression, request: false } })
    const result = await reader.query({
      query: `SELECT throwIf(number = 90, 'in the middle') AS x, number FROM numbers(100)`,
      format: 'JSONEachRow',
      clickhouse_settings: { max_block_size: '1', max_threads: 1 },
    })
    const all = async (): Promise<number> => {
      let rows = 0
      for await (const part of result.stream()) rows += part.length
      return rows
    }
    const error: unknown = await all().then(
      () => null,
      (thrown: unknown) => thrown,
    )
    t.ok(error instanceof Error, `compression ${compression}`)
    if (!compression) t.match(error, { message: /in the middle/ })
    await reader.close()
  }
})

t.test('the official client as admin writes', async (t) => {
  const admin = client({ username: 'admin', password: 'adm', compression: { request: true, response: true } })
  await admin.command({ query: 'CREATE TABLE written (id UInt64, name String) ENGINE = MergeTree ORDER BY id' })
  await admin.insert({ table: 'written', values: [{ id: 1, name: "it's; DROP TABLE written" }], format: 'JSONEachRow' })
  await admin.insert({ table: 'written', values: [[2, 'two']], columns: ['id', 'name'], format: 'JSONCompactEachRow' })
  await admin.command({ query: `INSERT INTO written VALUES (3, 'three')` })
  const exec = await admin.exec({
    query: 'INSERT INTO written FORMAT CSV',
    values: (await import('node:stream')).Readable.from(['4,"fo', 'ur"\n5,five\n'], { objectMode: false }),
  })
  exec.stream.resume()
  const rows = await admin.query({ query: 'SELECT id, name FROM written ORDER BY id', format: 'JSONCompactEachRow' })
  t.strictSame(await rows.json(), [
    [1, "it's; DROP TABLE written"],
    [2, 'two'],
    [3, 'three'],
    [4, 'four'],
    [5, 'five'],
  ])
  await t.rejects(admin.insert({ table: 'written', values: [{ id: 'x' }], format: 'JSONEachRow' }), { code: '27' })
  await admin.command({ query: 'DROP TABLE written' })
  await admin.close()
  const operator = client({ username: 'operator', password: 'operator-key' })
  await operator.command({ query: 'CREATE TABLE o (a UInt8) ENGINE = Memory' })
  await operator.command({ query: 'DROP TABLE o' })
  await operator.close()
})

t.test('errors have the code, type and message that the client parses', async (t) => {
  const reader = client()
  await t.rejects(reader.query({ query: 'SELECT * FROM nosuch' }), { code: '60', type: 'UNKNOWN_TABLE' })
  await t.rejects(reader.query({ query: 'selekt 1' }), { code: '62', type: 'SYNTAX_ERROR' })
  await t.rejects(reader.query({ query: `SELECT * FROM url('http://x')` }), { code: '497', type: 'ACCESS_DENIED' })
  await t.rejects(reader.command({ query: 'DROP TABLE readings' }), { code: '164', type: 'READONLY' })
  await reader.close()
  const wrong = client({ username: 'admin', password: 'wrong' })
  await t.rejects(wrong.query({ query: 'SELECT 1' }), { code: '516', type: 'AUTHENTICATION_FAILED' })
  await wrong.close()
})

t.test('a query that the client abandons frees its slot soon', async (t) => {
  const reader = client()
  const abort = new AbortController()
  const result = await reader.query({
    query: 'SELECT number FROM numbers(100000000000)',
    format: 'JSONEachRow',
    abort_signal: abort.signal,
  })
  const stream = result.stream()
  await new Promise((resolve) => stream.once('data', resolve))
  stream.destroy()
  abort.abort()
  while (harness.endpoint.stats().active > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(harness.endpoint.stats().abandoned, 1)
  await reader.close()
})

t.test('curl', async (t) => {
  const curl = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('curl', ['-sS', '-g', '--max-time', '20', ...args], { maxBuffer: 1e8 })).stdout
  try {
    await curl('--version')
  } catch {
    t.comment('curl is not installed')
    return
  }
  t.equal(await curl(`${harness.url}/ping`), 'Ok.\n')
  t.equal(await curl(`${harness.url}/replicas_status`), 'Ok.\n')
  t.equal(await curl(harness.url), 'Ok.\n')
  t.equal(await curl(`${harness.url}/?query=SELECT%201`), '1\n')
  t.equal(await curl(`${harness.url}/?query=SELECT`, '-d', '2'), '2\n', 'parameter and body are one text')
  t.equal(await curl(harness.url, '-d', 'SELECT 3'), '3\n')
  t.equal(await curl('-0', harness.url, '-d', 'SELECT 4'), '4\n', 'HTTP/1.0')
  t.equal(await curl('--compressed', `${harness.url}/?enable_http_compression=1`, '-d', 'SELECT 5'), '5\n')
  t.equal(await curl('-u', 'admin:adm', harness.url, '-d', 'SELECT 6'), '6\n')
  t.equal(
    await curl(`${harness.url}/?query=SELECT+count(),sum(id)+FROM+readings&default_format=JSONCompactEachRow`),
    '[10, 45]\n',
  )
  const rows = await curl(harness.url, '-d', 'SELECT number FROM numbers(300000)')
  t.equal(rows.split('\n').length, 300_001)
})

/* What clickhouse-connect 1.12 (Python) asks before anything else, and a part of what DatabaseMetaData of clickhouse-jdbc 0.10 asks. */
t.test('statements of other clients', async (t) => {
  const reader = client()
  const ask = async (query: string) =>
    (await (await reader.query({ query, format: 'TabSeparated' })).text()).trimEnd().split('\n')
  t.ok((await ask('SELECT name, value, readonly FROM system.settings LIMIT 10000')).length > 1000)
  t.same(
    await ask(
      `SELECT t.name, d.engine != '' FROM system.tables t JOIN system.databases d ON system.tables.database = system.databases.name
         WHERE t.database LIKE 'gatepost' AND t.name = 'readings'`,
    ),
    ['readings\t1'],
  )
  t.same(
    await ask(
      `SELECT system.tables.name, trim(c.1), c.2 FROM system.tables
         ARRAY JOIN arrayZip(splitByChar(',', primary_key), arrayEnumerate(splitByChar(',', primary_key))) AS c
         WHERE system.tables.primary_key <> '' AND system.tables.database ILIKE 'gatepost' AND system.tables.name ILIKE 'readings'`,
    ),
    ['readings\tid\t1'],
  )
  t.same(
    await ask(
      "SELECT name, `system`.`columns`.`type` FROM system.columns WHERE database LIKE 'gatepost' AND `table` LIKE 'readings' AND system.columns.position = 1",
    ),
    ['id\tUInt64'],
  )
  t.same(
    await ask(
      'SELECT count() FROM system.tables AS a, system.tables AS b WHERE a.name = b.name AND a.database != b.database',
    ),
    ['0'],
    'the table twice',
  )
  t.same(
    await ask(`SELECT count() FROM system.settings WHERE position(value, '${harness.scratch}') > 0`),
    ['0'],
    'no paths',
  )
  await reader.close()
})
