import t from 'tap'
import type { QueryLogEntry } from '../../store/query-log.ts'
import { until } from '../../test/helpers/until.ts'
import { ADMIN, query, send, startHarness } from './harness.ts'

const logged: QueryLogEntry[] = []
const harness = await startHarness({ queryLog: (entry) => logged.push(entry) })
t.teardown(() => harness.close())
const { url } = harness

/** Runs one query, and returns what was logged of it. */
async function entryOf(sql: string, options: Parameters<typeof send>[1] = {}): Promise<QueryLogEntry> {
  logged.length = 0
  await send(url, { body: sql, ...options })
  t.ok(await until(() => logged.length === 1), sql)
  return logged[0]
}

t.test('who ran what, what came of it and how long it took', async (t) => {
  for (const again of [false, true]) {
    t.match(
      await entryOf(`SELECT name FROM gatepost.readings WHERE name != 'alice' ORDER BY id`),
      {
        user: 'default',
        remote_ip: '127.0.0.1',
        kind: 'SELECT',
        tables: ['readings'],
        query: 'SELECT name FROM gatepost.readings WHERE name != ? ORDER BY id ASC',
        exception_code: 0,
        result_rows: 10,
        result_bytes: 30,
      },
      again ? 'the second time, in one piece' : 'streamed',
    )
    t.ok(logged[0].elapsed_ms >= 0 && logged[0].elapsed_ms < 600_000)
  }
  const insert = `INSERT INTO gatepost.readings VALUES (11, 'bob'), (12, 'carol')`
  t.match(await entryOf(insert, { headers: ADMIN }), {
    user: 'admin',
    kind: 'INSERT',
    result_rows: 2,
    exception_code: 0,
  })
  t.notMatch(logged[0].query, /bob|carol/)
})

t.test('no literal and no name that a query makes up', async (t) => {
  for (const [sql, shape] of [
    [
      "SELECT 1 AS alice, 'x' AS `b c`, [2, 3.5] AS l ORDER BY alice",
      /^SELECT \? AS \?, \? AS \?, \[\?, \?\] AS \? ORDER BY \? ASC$/,
    ],
    ['WITH alice AS (SELECT 1 AS a) SELECT a FROM alice', /^WITH \? AS \(SELECT \? AS \?\) SELECT \? FROM \?$/],
    ['SELECT arrayMap(alice -> alice + 1, [1])', /^SELECT arrayMap\(\? -> \(?\? \+ \?\)?, \[\?\]\)$/],
    ['SELECT arrayMap((alice, bob) -> alice + bob, [1], [2])', /^(?!.*(alice|bob))/],
    [
      'SELECT count() FROM gatepost.readings AS alice WHERE alice.id > 3',
      /^SELECT count\(\) FROM gatepost\.readings AS \? WHERE \?\.id > \?$/,
    ],
  ] as const) {
    t.match((await entryOf(sql)).query, shape, sql)
  }
  const parameter = { params: { param_who: 'alice' } }
  t.notMatch(
    (await entryOf('SELECT count() FROM gatepost.readings WHERE name = {who:String}', parameter)).query,
    /alice/,
  )
})

t.test('the text of a query that failed is not kept, nor one that is too long', async (t) => {
  t.match(await entryOf('SELECT alice FROM gatepost.readings'), {
    exception_code: 47,
    query: '',
    kind: 'SELECT',
    tables: ['readings'],
  })
  t.match(await entryOf(`SELECT throwIf(number = 3) FROM numbers(10)`), { exception_code: 395, query: '' })
  t.match(await entryOf(`SELECT [${Array.from({ length: 2000 }, () => '1').join(', ')}]`), {
    exception_code: 0,
    query: '',
  })
})

t.test('what is refused is no query', async (t) => {
  logged.length = 0
  t.not((await query(url, 'DROP TABLE gatepost.readings')).status, 200)
  t.not((await query(url, 'SELECT (')).status, 200)
  t.same(logged, [])
})
