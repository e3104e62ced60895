import { request } from 'node:http'
import t from 'tap'
import { until } from '../../test/helpers/until.ts'
import { ADMIN, adminQuery, query, send, startHarness } from './harness.ts'

/* Longer than any test may take, so that only an interruption ends it. */
const harness = await startHarness({ limits: { maxExecutionSeconds: 3600, readConnections: 2, maxQueuedSeconds: 1 } })
t.teardown(() => harness.close())
const { url, endpoint } = harness

const ENDLESS = 'SELECT count() FROM numbers(100000000000000) WHERE sipHash64(number) = 1'
const inEngine = async (sql: string): Promise<boolean> =>
  (
    await harness.direct.queryAsync(
      `SELECT count() FROM system.processes WHERE position(query, '${sql.slice(0, 50)}') > 0 AND query_id != queryID()`,
      { format: 'TSV' },
    )
  ).text() !== '0\n'

t.test('a reader that hangs up frees its slot, and the engine its cores', async (t) => {
  for (const sql of [
    `${ENDLESS} FORMAT JSON`,
    ENDLESS,
    `SELECT (${ENDLESS})`,
    'SELECT number % 1000000000 AS k, count() FROM numbers(100000000000000) GROUP BY k FORMAT Null',
  ]) {
    const client = request(url, { method: 'POST' })
    client.on('error', () => undefined)
    client.end(sql)
    t.ok(await until(() => inEngine(sql.replace('SELECT (', ''))), `runs: ${sql}`)
    client.destroy()
    t.ok(await until(() => endpoint.stats().active === 0), `slot: ${sql}`)
    t.notOk(await inEngine(sql.replace('SELECT (', '')), `engine: ${sql}`)
  }
  t.match(endpoint.stats(), { abandoned: 4, failed: 0 })
})

t.test('KILL QUERY ends a query of the same user, by the id that the client gave it', async (t) => {
  const running = (id: string, headers = {}) => send(url, { body: ENDLESS, params: { query_id: id }, headers })
  const mine = running('mine')
  const admins = running('of-admin', ADMIN)
  t.ok(await until(() => endpoint.stats().active === 2))
  t.match(
    await query(url, `KILL QUERY WHERE query_id = 'of-admin'`),
    { status: 200, text: '' },
    "another's is not found",
  )
  t.match(await query(url, `KILL QUERY WHERE query_id = 'min'`), { status: 200, text: '' })
  t.match(await query(url, `KILL QUERY WHERE query_id = ''`), { status: 200, text: '' })
  for (const sql of [
    `KILL QUERY WHERE query_id = 'mine' OR 1`,
    `KILL QUERY WHERE query_id != 'mine'`,
    `KILL QUERY WHERE user = 'default'`,
    `KILL QUERY WHERE query_id = 'mine' SYNC FORMAT Null`,
    `KILL MUTATION WHERE database = 'gatepost' AND is_done`,
  ]) {
    t.match(await query(url, sql), { status: 403 }, sql)
  }
  t.match(
    await send(url, { params: { query: `KILL QUERY WHERE query_id = 'mine'` } }),
    { status: 403 },
    'nor by a link',
  )
  t.equal(endpoint.stats().active, 2)
  t.ok(await until(async () => (await query(url, `KILL QUERY WHERE query_id = 'mine'`)).text !== ''))
  t.match(await mine, { status: 500, headers: { 'x-clickhouse-exception-code': '394' } })
  t.ok(await until(async () => (await adminQuery(url, `KILL QUERY WHERE query_id = 'of-admin' ASYNC`)).text !== ''))
  t.match(await admins, { status: 500, headers: { 'x-clickhouse-exception-code': '394' } })
})

t.test('a query that waits for a slot is refused after a while', async (t) => {
  const running = [1, 2].map((n) => send(url, { body: ENDLESS, params: { query_id: `busy-${n}` } }))
  t.ok(await until(() => endpoint.stats().active === 2))
  t.match(await query(url, 'SELECT 1'), {
    status: 503,
    headers: { 'retry-after': /^\d+$/, 'x-clickhouse-exception-code': '202' },
    text: /none of 2 ended within 1 s/,
  })
  for (const n of [1, 2])
    t.ok(await until(async () => (await query(url, `KILL QUERY WHERE query_id = 'busy-${n}'`)).text !== ''))
  await Promise.all(running)
  t.match(endpoint.stats(), { active: 0, queued: 0, refused: { busy: 1 } })
})
