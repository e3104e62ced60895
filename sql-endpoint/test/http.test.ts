import { connect } from 'node:net'
import t from 'tap'
import { brotliCompressSync, brotliDecompressSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib'
import { frame, unframe } from '../wire/framing.ts'
import { ADMIN, adminQuery, query, send, startHarness } from './harness.ts'

const harness = await startHarness({
  allowedHosts: ['stats.example'],
  limits: {
    maxExecutionSeconds: 5,
    maxResultBytes: 4_000_000,
    readConnections: 2,
    maxQueued: 2,
    maxMemoryBytes: 500e6,
  },
})
t.teardown(() => harness.close())
const { url } = harness

async function unframed(body: Buffer): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of unframe(iterate([body]), 1e9)) parts.push(part)
  return Buffer.concat(parts).toString()
}

// eslint-disable-next-line @typescript-eslint/require-await -- an async source of what is there
async function* iterate(parts: Buffer[]): AsyncGenerator<Buffer> {
  yield* parts
}

t.test('headers of an answer', async (t) => {
  const answer = await query(url, 'SELECT 1 AS a', { query_id: 'my-query', default_format: 'JSONEachRow' })
  t.match(answer.headers, {
    'x-clickhouse-query-id': 'my-query',
    'x-clickhouse-format': 'JSONEachRow',
    'x-clickhouse-server-display-name': 'gatepost',
    'x-clickhouse-timezone': String,
    'x-clickhouse-summary': /^\{"read_rows":"\d+"/,
    'content-type': /^application\/x-ndjson/,
  })
  t.equal((await query(url, 'SELECT 1 FORMAT TSV', { default_format: 'JSON' })).text, '1\n', 'FORMAT goes first')
  const byHeader = await send(url, { body: 'SELECT 1 AS a', headers: { 'X-ClickHouse-Format': 'JSONEachRow' } })
  t.equal(byHeader.text, '{"a":1}\n')
})

t.test('the summary says what was read and returned', async (t) => {
  const summaryOf = async (sql: string, params: Record<string, string>) => {
    const answer = await query(url, sql, params)
    t.equal(answer.status, 200, sql)
    return JSON.parse(String(answer.headers['x-clickhouse-summary'])) as Record<string, string>
  }
  const sql = 'SELECT id % 2 AS k, count() FROM readings GROUP BY k'
  for (const format of ['JSON', 'JSONCompact', 'JSONStrings', 'XML']) {
    t.match(await summaryOf(sql, { default_format: format }), { read_rows: '10', result_rows: '2' }, format)
  }
  const waits = { wait_end_of_query: '1' }
  t.match(await summaryOf('SHOW TABLES', {}), { result_rows: '1' })
  const counts = { read_rows: '10', read_bytes: '80', total_rows_to_read: '10', result_rows: '2' }
  const formats =
    'TabSeparated CSVWithNames JSONEachRow RowBinaryWithNamesAndTypes Native JSON XML Parquet Arrow PrettyCompact'
  for (const [at, default_format] of formats.split(' ').entries()) {
    t.match(await summaryOf(sql, { ...waits, default_format }), counts, default_format)
    // The first answer to a text of this shape is a stream if the format has one, the second is in one piece.
    const text = `${sql} ORDER BY k${', k'.repeat(at)}`
    for (let n = 0; n < 2; n++)
      t.match(await summaryOf(text, { default_format }), counts, `${default_format}, without waiting`)
  }
  const many = 'SELECT number FROM numbers(200000) WHERE number % 2 = 0'
  t.match(await summaryOf(many, waits), { read_rows: '200000', read_bytes: '1600000', result_rows: '100000' })
  const begun = await summaryOf(many, {})
  t.ok(Number(begun['read_rows']) > 0 && Number(begun['read_rows']) <= 200_000, 'what was read when the answer began')
  t.match(await summaryOf('SELECT sum(number) FROM numbers(1000000)', waits), {
    read_rows: '1000000',
    result_rows: '1',
  })
  const rare = 'SELECT number FROM numbers(1000000) WHERE sipHash64(number) = 7'
  t.match(await summaryOf(rare, waits), { read_rows: '1000000', result_rows: '0' }, 'read after the last row')
  t.match(await summaryOf('SELECT 1', waits), { read_rows: '1', result_rows: '1' })
  const limited = await summaryOf('SELECT number FROM numbers(10000000) LIMIT 10', waits)
  t.ok(Number(limited['read_rows']) >= 10 && Number(limited['read_rows']) < 10_000_000, 'stopped by LIMIT')
})

t.test('what was small is made in one piece the next time, whatever its literals are', async (t) => {
  const ask = async (rows: number) => {
    const answer = await query(url, `SELECT number FROM numbers(${rows}) WHERE number != 7000000`)
    t.match(answer, { status: 200, complete: true })
    t.equal(answer.text, Array.from({ length: rows }, (_, number) => `${number}\n`).join(''))
    const summary = JSON.parse(String(answer.headers['x-clickhouse-summary'])) as Record<string, string>
    // How many rows a stream has is not known when it begins, unless they are few.
    return summary['result_rows'] === String(rows)
  }
  t.equal(await ask(300_000), false)
  t.equal(await ask(300_001), false)
  t.equal(await ask(10), true)
  t.equal(await ask(300_002), true)
  t.equal(await ask(300_003), false)
})

t.test('filters of tables, as a parameter', async (t) => {
  const filtered = (value: string): ReturnType<typeof query> =>
    query(url, 'SELECT count() FROM readings', { additional_table_filters: value })
  for (const [value, rows] of [
    [`{'readings': 'id < 3'}`, '3'],
    [`{'gatepost.readings': 'name = \\'n1\\''}`, '1'],
    [`{'readings': 'name = ''n1'''}`, '1'],
    [`{'readings': 'name IN (\\'n1\\', \\'n2\\')', 'other': '1'}`, '2'],
    [`{}`, '10'],
  ] as const) {
    t.equal((await filtered(value)).text, `${rows}\n`, value)
  }
  t.equal((await query(url, 'SELECT count() FROM readings')).text, '10\n', 'the same text without it')
  const named = { param_n: 'n1', additional_table_filters: `{'readings': 'id < 3'}` }
  t.equal((await query(url, 'SELECT count() FROM readings WHERE name = {n:String}', named)).text, '1\n')
  for (const value of [
    `{'readings': 'file(\\'/etc/hostname\\') != \\'\\''}`,
    `{'readings': 'id IN (SELECT 1 FROM default.private)'}`,
    `{'readings': '1) OR (1'}`,
    `{'default.private': '1'}`,
    `{'readings': '1'}, max_memory_usage = 0`,
    `{'readings': '1'} UNION ALL SELECT secret FROM default.private`,
    `{'readings': '1'}; DROP TABLE readings`,
    'readings',
    '',
  ]) {
    const answer = await filtered(value)
    t.match(answer.headers['x-clickhouse-exception-code'], /^(497|452|62|164)$/, `${value}: ${answer.text}`)
  }
  t.equal((await query(url, 'SELECT count() FROM readings')).text, '10\n')
})

t.test('status and code of errors', async (t) => {
  for (const [sql, status, code] of [
    ['SELECT * FROM nosuch', 404, '60'],
    ['SELECT nosuch', 404, '47'],
    ['SELECT nosuch()', 403, '497'],
    ['SELEC', 400, '62'],
    ['', 400, '62'],
    ["SELECT toUInt8('x')", 400, '6'],
    ['DROP TABLE readings', 500, '164'],
    ["SELECT * FROM file('x')", 403, '497'],
    ['SELECT 1 FORMAT Nosuch', 404, '73'],
    [
      'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1 SETTINGS max_execution_time = 1',
      408,
      '159',
    ],
    ['SELECT groupArray(repeat(toString(number), 100000)) FROM numbers(100000)', 500, '241'],
  ] as const) {
    const answer = await query(url, sql)
    t.match({ status: answer.status, code: answer.headers['x-clickhouse-exception-code'] }, { status, code }, sql, {
      text: answer.text,
    })
    t.match(
      answer.text,
      new RegExp(`^Code: ${code}\\. DB::Exception: [^]+ \\([A-Z0-9_]+\\) \\(version [\\d.]+ .*\\)\\n$`),
    )
  }
  t.equal((await query(url, 'SELECT 1', { database: 'nosuch' })).status, 404)
  t.equal((await query(url, 'SELECT currentDatabase()', { database: 'default' })).text, 'gatepost\n')
  t.equal((await send(`${url}/nosuch`)).status, 404)
  t.equal((await send(url, { method: 'DELETE' })).status, 501)
})

t.test('users and passwords', async (t) => {
  const basic = (user: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  })
  const ask = (headers: Record<string, string>, params: Record<string, string> = {}) =>
    send(url, { body: 'SELECT 1', headers, params })
  t.equal((await ask(basic('admin', 'adm'))).status, 200)
  t.equal((await ask({ 'X-ClickHouse-User': 'admin', 'X-ClickHouse-Key': 'adm' })).status, 200)
  t.equal((await ask({}, { user: 'admin', password: 'adm' })).status, 200)
  t.equal((await ask(basic('default', ''))).status, 200)
  t.match(await ask(basic('admin', 'bad')), { status: 403, headers: { 'x-clickhouse-exception-code': '516' } })
  t.match(await ask(basic('nobody', 'bad')), { status: 403, headers: { 'x-clickhouse-exception-code': '516' } })
  t.match(await ask({}, { user: 'admin' }), { status: 401, headers: { 'x-clickhouse-exception-code': '194' } })
})

t.test('requests with another host name, and from another site, are refused', async (t) => {
  const ask = (headers: Record<string, string>) => send(url, { body: 'SELECT 1', headers })
  const { port } = harness.endpoint
  for (const host of ['localhost', `LOCALHOST:${port}`, '127.0.0.1', '127.1.2.3:1', '[::1]:8123', 'stats.example']) {
    t.equal((await ask({ Host: host })).status, 200, host)
  }
  for (const host of ['evil.example', 'localhost.evil.example', '10.0.0.1', 'x:y', '127.0.0.1.evil.example']) {
    t.equal((await ask({ Host: host })).status, 403, host)
  }
  t.equal((await ask({ Origin: 'https://evil.example' })).status, 403)
  t.equal((await ask({ Origin: 'null' })).status, 403)
  t.equal((await ask({ 'Sec-Fetch-Site': 'cross-site' })).status, 403)
  t.equal((await ask({ Origin: `http://localhost:${port}` })).status, 200)
  t.equal((await send(`${url}/ping`, { headers: { Host: 'evil.example' } })).status, 403)
})

t.test('compression of answers', async (t) => {
  const ask = (accept: string, on = '1') =>
    send(url, {
      body: 'SELECT number FROM numbers(1000)',
      params: { enable_http_compression: on },
      headers: { 'Accept-Encoding': accept },
    })
  const plain = (await ask('gzip', '0')).text
  t.equal(plain.split('\n').length, 1001)
  t.equal(gunzipSync((await ask('gzip, deflate, br')).body).toString(), plain)
  t.equal(brotliDecompressSync((await ask('br')).body).toString(), plain)
  t.equal(inflateSync((await ask('deflate')).body).toString(), plain)
  t.equal((await ask('identity')).text, plain)
  const framed = await send(url, { body: 'SELECT number FROM numbers(1000)', params: { compress: '1' } })
  t.equal(await unframed(framed.body), plain)
})

t.test('compression of requests', async (t) => {
  const sql = 'SELECT count() FROM readings'
  for (const [coding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const) {
    const answer = await send(url, { body: compress(sql), headers: { 'Content-Encoding': coding } })
    t.equal(answer.text, '10\n', coding)
  }
  const framed = await send(url, { body: Buffer.concat([...frame(Buffer.from(sql))]), params: { decompress: '1' } })
  t.equal(framed.text, '10\n')
  const broken = Buffer.concat([...frame(Buffer.from(sql))])
  broken[30] = (broken[30] ?? 0) ^ 1
  t.equal((await send(url, { body: broken, params: { decompress: '1' } })).headers['x-clickhouse-exception-code'], '40')
  const short = broken.subarray(0, 20)
  t.equal((await send(url, { body: short, params: { decompress: '1' } })).headers['x-clickhouse-exception-code'], '271')
  const notGzip = await send(url, { body: 'SELECT 1', headers: { 'Content-Encoding': 'gzip' } })
  t.equal(notGzip.headers['x-clickhouse-exception-code'], '271')
})

t.test('in every format, a result of several chunks equals the result of the engine in one piece', async (t) => {
  const sql = `SELECT number AS "n", concat('a "b"\\n,', toString(number)) AS "q ""x"" y" FROM numbers(100000)`
  for (const format of [
    'TSV', 'TSVWithNames', 'TSVWithNamesAndTypes', 'CSV', 'CSVWithNames', 'CSVWithNamesAndTypes', 'JSONEachRow',
    'JSONCompactEachRow', 'JSONCompactEachRowWithNames', 'JSONCompactEachRowWithNamesAndTypes', 'TSKV', 'RowBinary',
    'RowBinaryWithNames', 'RowBinaryWithNamesAndTypes', 'TSVRaw', 'MsgPack',
  ]) {
    const whole = await harness.direct.queryAsync(sql, { format })
    const wide = await send(url, { body: sql, params: { default_format: format, max_result_bytes: '999999999' } })
    const answer = Buffer.from(whole.bytes())
    if (answer.length > 4_000_000) t.equal(wide.complete && wide.status === 200, false, `${format}: over the limit`)
    else t.ok(answer.equals(wide.body), format)
  }
}) // prettier-ignore

t.test('a result over the limit is an error, never a shorter result', async (t) => {
  const streamed = await query(url, 'SELECT number, number, number FROM numbers(5000000)')
  t.notOk(streamed.complete && streamed.status === 200)
  t.match(streamed.text, /Code: 396/)
  const whole = await query(url, 'SELECT toString(number) AS s FROM numbers(300000) FORMAT JSON')
  t.match(whole, { status: 500, headers: { 'x-clickhouse-exception-code': '396' } })
  const waited = await query(url, 'SELECT number FROM numbers(5000000)', { wait_end_of_query: '1' })
  t.match(waited, { status: 500, headers: { 'x-clickhouse-exception-code': '396' } })
})

t.test('an error after the answer began is marked and breaks the connection', async (t) => {
  // The engine is at most three blocks ahead of what it has handed out, and the answer begins with the second: this is the eighth.
  const late = `SELECT throwIf(number = 500000, 'late') FROM numbers(800000)`
  const answer = await query(url, late, { max_threads: '1' })
  t.equal(answer.status, 200)
  t.equal(answer.complete, false)
  const tag = String(answer.headers['x-clickhouse-exception-tag'])
  const match = new RegExp(
    `\\r\\n__exception__\\r\\n${tag}\\r\\n(Code: 395[^]*)(?<=\\n)(\\d+) ${tag}\\r\\n__exception__\\r\\n$`,
  ).exec(answer.text)
  t.equal(Buffer.byteLength(match?.[1] ?? ''), Number(match?.[2]))
  const waited = await query(url, late, { wait_end_of_query: '1' })
  t.match(waited, { status: 500, complete: true }, 'but not with wait_end_of_query')
})

t.test('long texts and long parameters', async (t) => {
  // Longer than the engine takes by default.
  t.equal((await query(url, `SELECT length('${'x'.repeat(262_000)}')`)).text, '262000\n')
  const long = await query(url, 'SELECT length({p:String})', { param_p: 'x'.repeat(300_000) })
  t.equal(long.text, '300000\n')
})

t.test('too large requests', async (t) => {
  const long = await query(url, `SELECT '${'x'.repeat(300_000)}'`)
  t.match(long, { status: 413, headers: { 'x-clickhouse-exception-code': '229' } })
  const fits = await query(url, `SELECT length('${'x'.repeat(200_000)}')`)
  t.equal(fits.text, '200000\n')
  const bomb = gzipSync(Buffer.alloc(50_000_000, 'x'))
  t.equal((await send(url, { body: bomb, headers: { 'Content-Encoding': 'gzip' } })).status, 413)
})

t.test('INSERT: data in the body, in many formats', async (t) => {
  await adminQuery(url, 'CREATE TABLE ins (id UInt64, name String) ENGINE = MergeTree ORDER BY id')
  const insert = async (
    text: string | Buffer,
    params: Record<string, string> = {},
    headers: Record<string, string> = {},
  ) => {
    const answer = await send(url, { body: text, params, headers: { ...ADMIN, ...headers } })
    t.equal(answer.status, 200, answer.text.slice(0, 300))
    return answer
  }
  await insert(`INSERT INTO ins VALUES (1, 'a'), (2, 'b')`)
  await insert('INSERT INTO ins (name, id) FORMAT TSV\nc\t3\n')
  await insert('INSERT INTO ins FORMAT JSONEachRow {"id": 4, "name": "d"}')
  await insert('5,e\n', { query: 'INSERT INTO ins FORMAT CSV' })
  await insert(`(6, 'f')`, { query: 'INSERT INTO ins VALUES' })
  await insert(gzipSync('7\tg\n'), { query: 'INSERT INTO ins FORMAT TabSeparated' }, { 'Content-Encoding': 'gzip' })
  await insert(Buffer.concat([...frame(Buffer.from('8\th\n'))]), {
    query: 'INSERT INTO ins FORMAT TSV',
    decompress: '1',
  })
  await insert(
    `INSERT /* FORMAT x */ INTO ins -- VALUES\n(id, name) SETTINGS input_format_skip_unknown_fields = 1 FORMAT JSONEachRow\n{"id": 9, "name": "i", "x": 1}`,
  )
  const native = await query(url, "SELECT toUInt64(10) AS id, 'j' AS name FORMAT Native")
  const wrote = await insert(native.body, { query: 'INSERT INTO gatepost.ins FORMAT Native' })
  t.match(wrote.headers['x-clickhouse-summary'], /"written_rows":"1"/)
  await insert("INSERT INTO ins SELECT 11, 'k'")
  const rows = await query(url, 'SELECT groupConcat(name) FROM (SELECT name FROM ins ORDER BY id)')
  t.equal(rows.text, 'abcdefghijk\n')
  await adminQuery(url, `INSERT INTO ins VALUES (12, 'l'); DROP TABLE ins`)
  await adminQuery(url, `INSERT INTO ins FORMAT TSV\n13\tm\n; DROP TABLE ins`)
  t.equal((await query(url, 'EXISTS TABLE ins')).text, '1\n', 'text after the data is not a statement')
})

t.test('malformed requests, and clients that disconnect early, do no harm', async (t) => {
  const raw = (text: string): Promise<string> =>
    new Promise((resolve) => {
      let answer = ''
      const socket = connect(harness.endpoint.port, '127.0.0.1', () => socket.end(text))
      socket.on('data', (part: Buffer) => (answer += part.toString('latin1')))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(answer))
    })
  const head = (line: string, more = ''): string => `${line} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`
  t.match(await raw(head('GET //')), /^HTTP\/1.1 400/)
  t.match(await raw(head('GET http://[')), /^HTTP\/1.1 400/)
  t.match(await raw(head('OPTIONS *')), /^HTTP\/1.1 400/)
  t.match(await raw(head('GET /?query=SELECT%201%00')), /^HTTP\/1.1 400/)
  t.match(await raw('GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 403/, 'without a Host')
  await raw(`${head('POST /', 'Content-Length: 1000\r\n')}SELECT 1`)
  await raw(`${head('POST /', 'Content-Length: 1000\r\nContent-Encoding: gzip\r\n')}abc`)
  await raw(
    `${head('POST /?user=admin&password=adm', 'Content-Length: 1000\r\n')}INSERT INTO readings FORMAT TSV\n1\tx`,
  )
  t.equal((await query(url, 'SELECT count() FROM readings')).text, '10\n')
  t.match(harness.endpoint.stats(), { active: 0, queued: 0 })
})

t.test('the numbers of running and of waiting queries are limited', async (t) => {
  const slow = 'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1 SETTINGS max_execution_time = 2'
  const answers = await Promise.all(Array.from({ length: 8 }, () => query(url, slow)))
  const codes = answers.map((answer) => answer.headers['x-clickhouse-exception-code'])
  t.equal(codes.filter((code) => code === '159').length, 4, 'two ran, two waited and then ran')
  t.equal(codes.filter((code) => code === '202').length, 4)
  t.ok(answers.some((answer) => answer.status === 503))
  t.match(harness.endpoint.stats(), { active: 0, queued: 0, refused: { busy: 4 } })
})

t.test('reads do not wait for writes', async (t) => {
  await adminQuery(url, 'CREATE TABLE slow (id UInt64) ENGINE = Memory')
  const insert = adminQuery(
    url,
    'INSERT INTO slow SELECT number FROM numbers(100000000000) WHERE sipHash64(number) = 1 SETTINGS max_execution_time = 3',
  )
  let written = false
  void insert.then(() => (written = true))
  t.equal((await query(url, 'SELECT count() FROM readings')).text, '10\n')
  t.equal(written, false)
  await insert
})
