import t from 'tap'
import { GatepostError } from '../../common/errors.ts'
import { ADMIN, send, startHarness } from './harness.ts'

const OPERATOR = { 'X-ClickHouse-User': 'operator', 'X-ClickHouse-Key': 'operator-key' }

t.test('only operator may ask for what is not SQL', async (t) => {
  const asked: unknown[] = []
  const harness = await startHarness({
    operations: (method, path, body) => {
      asked.push([method, path, body])
      if (path === 'wrong') return Promise.reject(new GatepostError('INPUT_INVALID', 'this is wrong'))
      return Promise.resolve(path === 'known' ? { done: true } : null)
    },
  })
  t.teardown(() => harness.close())
  const ask = (path: string, headers: Record<string, string>, body = '{"a":1}') =>
    send(`${harness.url}/operator/${path}`, { headers, body })
  for (const headers of [{}, ADMIN, { ...OPERATOR, 'X-ClickHouse-Key': 'guessed' }]) {
    t.equal((await ask('known', headers)).status, 403)
  }
  t.same(asked, [])
  const answer = await ask('known', OPERATOR)
  t.match(answer, { status: 200, text: '{"done":true}\n' })
  t.same(asked, [['POST', 'known', { a: 1 }]])
  t.equal((await ask('unknown', OPERATOR)).status, 404)
  t.match(await ask('wrong', OPERATOR), { status: 409, text: /"code":"INPUT_INVALID"/ })
  t.equal((await ask('known', OPERATOR, '{')).status, 400)
  t.equal((await ask('known', OPERATOR, JSON.stringify('x'.repeat(70_000)))).status, 413)
})

t.test('writing statements wait while they are held, reading ones do not', async (t) => {
  const harness = await startHarness()
  t.teardown(() => harness.close())
  const release = await harness.endpoint.holdWriters()
  const insert = send(harness.url, { headers: ADMIN, body: `INSERT INTO readings VALUES (99, 'held')` })
  let ended = false
  void insert.then(() => (ended = true))
  t.equal((await send(harness.url, { params: { query: 'SELECT count() FROM readings' } })).text, '10\n')
  t.equal((await send(harness.url, { params: { query: 'SELECT count() FROM readings WHERE id = 99' } })).text, '0\n')
  t.notOk(ended)
  release()
  t.equal((await insert).status, 200)
  t.equal((await send(harness.url, { params: { query: 'SELECT count() FROM readings' } })).text, '11\n')
})
