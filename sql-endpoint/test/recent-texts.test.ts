import t from 'tap'
import { RecentTexts } from '../recent-texts.ts'
import { adminQuery, query, startHarness } from './harness.ts'

t.test('the least recently used text is dropped, and long texts are not kept', (t) => {
  const recent = new RecentTexts<number>(2, 5)
  recent.set('a', 1)
  recent.set('b', 2)
  t.equal(recent.get('a'), 1)
  recent.set('c', 3)
  t.same([recent.get('a'), recent.get('b'), recent.get('c')], [1, undefined, 3])
  recent.set('longer', 4)
  t.equal(recent.get('longer'), undefined)
  t.end()
})

t.test('a remembered judgement is one of the same text and sender', async (t) => {
  const harness = await startHarness()
  t.teardown(() => harness.close())
  const { url } = harness
  const code = async (run: typeof query, sql: string, params: Record<string, string> = {}) => {
    const answer = await run(url, sql, params)
    return answer.headers['x-clickhouse-exception-code'] ?? answer.text
  }
  for (let time = 0; time < 3; time++) {
    t.equal(await code(adminQuery, 'SELECT count() > 0 FROM system.metrics'), '1\n')
    t.equal(
      await code(query, 'SELECT count() > 0 FROM system.metrics'),
      '497',
      'what admin was allowed, a reader is not',
    )
    t.equal(await code(query, `SELECT {a:String}`, { param_a: `value ${time}` }), `value ${time}\n`)
    t.equal(await code(query, `SELECT {a:String}`), '456', 'a parameter that is missing this time')
    const named = 'SELECT count() FROM {d:Identifier}.{t:Identifier}'
    t.equal(await code(query, named, { param_d: 'gatepost', param_t: 'readings' }), '10\n')
    t.equal(await code(query, named, { param_d: 'default', param_t: 'private' }), '497')
    t.equal(await code(query, 'SELECT 1 SETTINGS max_execution_time = 61'), '452')
    t.equal(await code(query, 'SELECT * FROM later'), time === 0 ? '60' : '1\n', 'tables are looked up each time')
    if (time > 0) continue
    await adminQuery(url, 'CREATE TABLE later (a UInt8) ENGINE = MergeTree ORDER BY a')
    await adminQuery(url, 'INSERT INTO later SELECT 1')
  }
})
