import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { until } from '../../test/helpers/until.ts'
import { ADMIN, send, startHarness, type Answer } from './harness.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
// The files of this process only.
process.env['TMPDIR'] = t.testdir()
const harness = await startHarness({
  readers: [
    { name: 'narrow', passwordSha256: sha256('narrow-password'), shown: ['readings.id'], hidden: [], limits: {} },
  ],
  password: 'reader-password',
  limits: {
    maxReaderDataBytes: 300_000,
    maxAllReaderDataBytes: 400_000,
    maxSessionTableBytes: 2_000_000,
    maxQueryBytes: 50_000,
  },
})
t.teardown(() => harness.close())
const { url } = harness
const READER = { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': 'reader-password' }
const NARROW = { 'X-ClickHouse-User': 'narrow', 'X-ClickHouse-Key': 'narrow-password' }
const code = ({ headers }: Answer): string | undefined => headers['x-clickhouse-exception-code'] as string | undefined

interface Part {
  readonly name: string
  readonly value: string | Buffer
  /** Undefined: a field. */
  readonly file?: string
}

function formOf(parts: readonly Part[]): { body: Buffer; type: string } {
  const boundary = 'x-the-boundary'
  const pieces = parts.flatMap(({ name, value, file }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file === undefined ? '' : `; filename="${file}"`}\r\n\r\n`,
    value,
    '\r\n',
  ])
  const body = Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece as string)))
  return { body, type: `multipart/form-data; boundary=${boundary}` }
}

function post(
  parts: readonly Part[],
  params: Record<string, string>,
  headers: Record<string, string> = READER,
): Promise<Answer> {
  const { body, type } = formOf(parts)
  return send(url, { body, params, headers: { ...headers, 'Content-Type': type } })
}
const file = (name: string, value: string | Buffer): Part => ({ name, value, file: `${name}.tsv` })
const filesOfRequests = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('gatepost-insert-'))

t.test('tables that are sent with a query', async (t) => {
  const sql = 'SELECT name, n FROM readings JOIN sent USING (id) ORDER BY id'
  const rows = file('sent', '3\tthree\n5\tfive\n')
  t.equal((await post([rows], { query: sql, sent_structure: 'id UInt64, n String' })).text, 'n3\tthree\nn5\tfive\n')
  t.equal(
    (await post([rows], { query: 'SELECT _1 + 1, _2 FROM sent', sent_types: 'UInt64,String' })).text,
    '4\tthree\n6\tfive\n',
  )
  const csv = file('sent', '3,"three"\n')
  t.equal(
    (await post([csv], { query: sql, sent_structure: 'id UInt64, n String', sent_format: 'CSV' })).text,
    'n3\tthree\n',
  )
  const types = { sent_types: `Decimal(9, 2),Enum8('a, b' = 1),Array(Tuple(UInt8, String)),Nullable(DateTime64(3))` }
  t.equal(
    (await post([file('sent', `1.50\ta, b\t[(1,'x')]\t\\N\n`)], { query: 'SELECT * FROM sent', ...types })).text,
    `1.5\ta, b\t[(1,'x')]\t\\N\n`,
  )
  const two = [file('a', '1\n2\n'), file('b', '2\n3\n')]
  t.equal(
    (await post(two, { query: 'SELECT _1 FROM a INTERSECT SELECT _1 FROM b', a_types: 'UInt8', b_types: 'UInt8' }))
      .text,
    '2\n',
  )
  const hides = { query: 'SELECT count() FROM readings', readings_types: 'UInt8' }
  t.equal((await post([file('readings', '1\n')], hides)).text, '1\n', 'as on a server, it hides a table of its name')
  t.equal((await send(url, { body: 'SELECT count() FROM readings', headers: READER })).text, '10\n')
  t.equal(code(await send(url, { body: 'SELECT * FROM sent', headers: READER })), '60', 'gone with its query')
  const streamed = { query: 'SELECT s.id FROM sent AS s, numbers(100000) AS n', sent_structure: 'id UInt64' }
  t.equal((await post([file('sent', '7\n')], streamed)).text, '7\n'.repeat(100_000))
  t.ok(await until(() => filesOfRequests().length === 0))
})

t.test('fields of the form are parameters', async (t) => {
  const fields = (values: Record<string, string>): Part[] =>
    Object.entries(values).map(([name, value]) => ({ name, value }))
  const asked = {
    query: 'SELECT {p:String} AS p, count() AS n FROM sent FORMAT JSONEachRow',
    param_p: 'a',
    sent_types: 'UInt8',
  }
  t.equal((await post([...fields(asked), file('sent', '1\n')], {})).text, '{"p":"a","n":1}\n')
  t.equal((await post(fields({ query: 'SELECT {p:UInt8}', param_p: '7' }), {})).text, '7\n', 'without a table')
  t.equal((await post(fields({ query: 'SELECT 1', nosuch: '1' }), {})).status, 404)
  t.equal(
    (await post(fields({ query: 'SELECT count() FROM readings', user: 'admin', password: 'adm' }), {}, {})).status,
    401,
    'not who asks',
  )
  const { body, type } = formOf([...fields(asked), file('sent', '1\n')])
  const zipped = { ...READER, 'Content-Type': type, 'Content-Encoding': 'gzip' }
  t.equal((await send(url, { body: gzipSync(body), headers: zipped })).text, '{"p":"a","n":1}\n')
})

t.test('every user, with their own rights', async (t) => {
  const rows = file('sent', '3\n')
  const sent = { sent_structure: 'id UInt64' }
  t.equal((await post([rows], { query: 'SELECT id FROM readings WHERE id IN sent', ...sent }, NARROW)).text, '3\n')
  t.equal(code(await post([rows], { query: 'SELECT name FROM readings WHERE id IN sent', ...sent }, NARROW)), '497')
  t.match(await post([rows], { query: `INSERT INTO readings SELECT id + 100, 'sent' FROM sent`, ...sent }, ADMIN), {
    status: 200,
  })
  t.equal((await send(url, { body: 'SELECT id FROM readings WHERE id > 100', headers: READER })).text, '103\n')
  t.match(await send(url, { body: 'DELETE FROM readings WHERE id > 100', headers: ADMIN }), { status: 200 })
  t.equal(code(await post([rows], { query: `INSERT INTO readings SELECT id, 'sent' FROM sent`, ...sent })), '164')
  t.equal(code(await post([rows], { query: 'INSERT INTO sent SELECT 1', ...sent })), '164')
  t.equal(code(await post([rows], { query: 'CREATE TEMPORARY TABLE x (a UInt8)', ...sent })), '113')
})

t.test('within a session', async (t) => {
  const params = { session_id: 'with-external' }
  const ask = (body: string): Promise<Answer> => send(url, { body, headers: READER, params })
  await ask('CREATE TEMPORARY TABLE mine AS SELECT toUInt64(3) AS id')
  const sent = { ...params, sent_structure: 'id UInt64' }
  const rows = file('sent', '3\n4\n')
  for (let n = 0; n < 2; n++) {
    t.equal((await post([rows], { query: 'SELECT count() FROM sent JOIN mine USING (id)', ...sent })).text, '1\n')
  }
  t.equal(
    code(await post([file('mine', '1\n')], { ...params, query: 'SELECT 1', mine_types: 'UInt8' })),
    '57',
    'the name is taken',
  )
  t.equal((await ask('SELECT id FROM mine')).text, '3\n')
  t.equal(code(await post([rows], { query: 'SELECT throwIf(id = 4) FROM sent', ...sent })), '395')
  t.equal((await ask('SHOW TEMPORARY TABLES')).text, 'mine\n')
})

t.test('structures that are more than columns', async (t) => {
  for (const structure of [
    `x UInt8) ENGINE = File('CSV', '/etc/hostname'`,
    'x UInt8) AS SELECT * FROM default.private; SELECT (1',
    'x UInt8) AS (SELECT 1',
    `x String DEFAULT file('/etc/hostname')`,
    'x UInt8); DROP TABLE readings; SELECT (1',
    'x UInt8) ENGINE = Memory --',
    `x UInt8) COMMENT 'a' --`,
    'x Nosuch',
    '',
    ')',
  ]) {
    const answer = await post([file('sent', '1\n')], { query: 'SELECT * FROM sent', sent_structure: structure })
    t.match(code(answer), /^(497|62|50)$/, `${structure}: ${answer.text}`)
    t.notMatch(answer.text, tmpdir())
  }
  for (const name of ['a b', 'a`b', 'a.b', '1a', 'system.tables', '']) {
    t.equal(
      code(await post([{ name, value: '1\n', file: 'x' }], { query: 'SELECT 1', [`${name}_types`]: 'UInt8' })),
      '36',
      name,
    )
  }
  t.equal(code(await post([file('sent', '1\n')], { query: 'SELECT 1' })), '36', 'no structure')
  t.equal(
    code(
      await post([file('sent', '1\n')], { query: 'SELECT 1', sent_types: 'UInt8', sent_format: `CSV SETTINGS x=1` }),
    ),
    '73',
  )
  const values = { query: 'SELECT * FROM sent', sent_types: 'String', sent_format: 'Values' }
  t.notMatch(await post([file('sent', `(file('/etc/hostname'))`)], values), { status: 200 })
  t.notMatch(await post([file('sent', 'x\n')], { query: 'SELECT * FROM sent', sent_types: 'UInt8' }), { status: 200 })
  t.equal((await send(url, { body: 'SELECT count() FROM readings', headers: READER })).text, '10\n')
  t.ok(await until(() => filesOfRequests().length === 0))
})

t.test('bounds', async (t) => {
  const asked = { query: 'SELECT count() FROM sent', sent_types: 'String' }
  t.match(await post([file('sent', 'x'.repeat(310_000))], asked), { status: 413 })
  const many = Array.from({ length: 11 }, (_, i) => file(`t${i}`, '1\n'))
  t.match(await post(many, { query: 'SELECT 1' }), { status: 413 })
  const fields = Array.from({ length: 301 }, (_, i) => ({ name: `param_x${i}`, value: '1' }))
  t.match(await post(fields, { query: 'SELECT 1' }), { status: 413 })
  t.match(await post([{ name: 'param_x', value: 'x'.repeat(60_000) }], { query: 'SELECT 1' }), { status: 413 })
  const grows = file('sent', '1\n'.repeat(140_000))
  t.equal(code(await post([grows], { query: 'SELECT 1', sent_types: 'Int256' })), '241', 'in memory')
  const { body, type } = formOf([file('sent', 'x\n'.repeat(1000))])
  const cut = await send(url, {
    body: body.subarray(0, -10),
    params: asked,
    headers: { ...READER, 'Content-Type': type },
  })
  t.equal(code(cut), '36', 'cut off')
  t.equal(
    code(await send(url, { body: 'x', params: asked, headers: { ...READER, 'Content-Type': 'multipart/form-data' } })),
    '36',
  )
  t.ok(await until(() => filesOfRequests().length === 0))
  t.equal((await post([file('sent', 'x\n')], asked)).text, '1\n', 'all was given back')
})

t.test('roles', async (t) => {
  const as = (headers: Record<string, string>, sql: string, role: string): Promise<Answer> =>
    send(url, { body: sql, headers, params: { role } })
  t.equal((await as(READER, 'SELECT 1', 'sql_reader')).text, '1\n')
  t.equal((await as(NARROW, 'SELECT 1', 'sql_reader_narrow')).text, '1\n')
  for (const role of ['sql_admin', 'sql_operator']) t.match(await as(READER, 'SELECT 1', role), { status: 403 }, role)
  t.match(await as(NARROW, 'SELECT 1', 'sql_reader'), { status: 403 })
  for (const role of ['nosuch', 'everything', 'sql_reader_narrow', 'sql_temporary_tables']) {
    t.equal(code(await as(READER, 'SELECT 1', role)), '511', role)
  }
  t.equal(
    code(await as(ADMIN, 'CREATE TABLE made (x UInt8) ENGINE = Memory', 'sql_reader')),
    '164',
    'an admin who asks for less',
  )
  t.match(await as(ADMIN, 'CREATE TABLE made (x UInt8) ENGINE = Memory', 'sql_admin'), { status: 200 })
  t.match(await as(ADMIN, 'DROP TABLE made', ''), { status: 200 })
})

t.test('parameters of all types', async (t) => {
  for (const [type, value, shown = value] of [
    ['Array(UInt8)', '[1,2]'],
    ['Array(String)', `['a\\'b','c']`],
    ['Array(Array(Int32))', '[[1],[2,-3]]'],
    ['Map(String, UInt8)', `{'a':1,'b':2}`],
    ['Tuple(UInt8, String)', `(1,'x')`],
    ['Nullable(String)', '\\N'],
    ['Nullable(UInt8)', '7'],
    ['LowCardinality(String)', 'x'],
    ['DateTime', '2026-11-29 12:00:00'],
    [`DateTime('Asia/Tokyo')`, '2026-11-29 12:00:00'],
    ['DateTime64(3)', '2026-11-29 12:00:00.123'],
    ['Date', '2026-11-29'],
    ['Date32', '1900-01-01'],
    ['UUID', '61f0c404-5cb3-11e7-907b-a6006ad3dba0'],
    ['IPv4', '10.0.0.1'],
    ['IPv6', '2001:db8::1'],
    ['Decimal(18, 4)', '12.3456'],
    ['Decimal256(2)', '123456789012345678901234567890.12'],
    ['Int256', '-123456789012345678901234567890'],
    ['UInt64', '18446744073709551615'],
    ['Float64', '1.5'],
    ['Bool', 'true'],
    [`Enum8('a' = 1)`, 'a'],
    ['FixedString(3)', 'abc'],
    ['String', 'a\\tb\\\\c'],
    ['Variant(UInt8, String)', '7'],
    ['Point', '(1,2)'],
  ] as [string, string, string?][]) {
    const sql = `SELECT {p:${type}} AS p`
    const answer = await send(url, { body: sql, headers: READER, params: { param_p: value } })
    t.equal(answer.text, `${shown}\n`, type)
  }
  const named = { param_t: 'readings', param_c: 'name', param_id: '3' }
  const sql = 'SELECT {c:Identifier} FROM {t:Identifier} WHERE id = {id:UInt64}'
  t.equal((await send(url, { body: sql, headers: READER, params: named })).text, 'n3\n')
})
