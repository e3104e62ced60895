import { availableParallelism } from 'node:os'
import t from 'tap'
import { until } from '../../test/helpers/until.ts'
import { ADMIN, adminQuery, type Answer, loginOf, namedReader, query, send, startHarness } from './harness.ts'

const guest = namedReader('guest', { hidden: ['readings.name'] })
const harness = await startHarness({
  password: 'default-password',
  readers: [guest],
  limits: { maxExecutionSeconds: 3600 },
})
t.teardown(() => harness.close())
const { url, endpoint } = harness

const OF_DEFAULT = { user: 'default', password: 'default-password' }
const OF_GUEST = loginOf('guest')
/** What runs leaves time for what looks at it. */
const GENTLE = { max_threads: '1' }
const ENDLESS = 'SELECT count() FROM numbers(100000000000000) WHERE sipHash64(number) = 1'

t.test('a reader sees its own queries, by the ids that it gave them, and admin all', async (t) => {
  const running: Promise<Answer>[] = [
    query(url, `${ENDLESS} OR number = 111111`, { ...OF_DEFAULT, ...GENTLE, query_id: `of-'default'` }),
    query(url, `${ENDLESS} OR number = 222222`, { ...OF_GUEST, ...GENTLE, query_id: 'of-guest' }),
    send(url, { body: `${ENDLESS} OR number = 333333`, params: { ...GENTLE, query_id: 'of-admin' }, headers: ADMIN }),
  ]
  t.ok(await until(() => endpoint.stats().active === 3))
  const OTHERS = `SELECT user, initial_user, query_id, p.initial_query_id, position(query, '111111') > 0, position(query, '222222') > 0, position(query, '333333') > 0
    FROM system.processes AS p WHERE position(query, 'sipHash64(number)') > 0 AND position(query, 'processes') = 0 ORDER BY user`
  const of = { default: "default\tdefault\tof-\\'default\\'\tof-\\'default\\'\t1\t0\t0\n" }
  const ofGuest = 'guest\tguest\tof-guest\tof-guest\t0\t1\t0\n'
  const ofAdmin = 'admin\tadmin\tof-admin\tof-admin\t0\t0\t1\n'
  let seen = ''
  t.ok(
    await until(async () => (seen = (await adminQuery(url, OTHERS)).text) === ofAdmin + of.default + ofGuest),
    'all three',
    { seen },
  )
  // Twice: on connections that served others, and on their own again.
  for (let time = 0; time < 2; time++) {
    t.equal((await query(url, OTHERS, OF_DEFAULT)).text, of.default)
    t.equal((await query(url, OTHERS, OF_GUEST)).text, ofGuest)
    t.equal((await adminQuery(url, OTHERS)).text, ofAdmin + of.default + ofGuest)
  }
  const mine = await query(url, 'SELECT query_id, user FROM system.processes', { ...OF_GUEST, query_id: 'this-one' })
  t.same(
    mine.text.trimEnd().split('\n').sort(),
    ['of-guest\tguest', 'this-one\tguest'],
    'itself too, and nothing of the store',
  )
  for (const sql of [
    'SELECT * FROM system.processes FORMAT JSONEachRow',
    `SELECT * FROM system.processes AS p, system.processes AS q FORMAT JSONEachRow`,
    `SELECT Settings FROM system.processes`,
    `WITH x AS (SELECT * FROM system.processes) SELECT groupArray(query) FROM x`,
    `SELECT (SELECT groupArray(query) FROM system.processes)`,
  ]) {
    const answer = await query(url, sql, OF_GUEST)
    t.equal(answer.status, 200, sql)
    t.notMatch(answer.text, /111111|333333|of-admin/, sql)
    t.notMatch(answer.text, /"query_cache_tag":|'query_cache_tag':/, 'not the marks of connections')
  }
  const claims = { param_gatepost_running: `{'x':('guest','y')}` }
  t.equal((await query(url, OTHERS, { ...OF_GUEST, ...claims })).text, ofGuest, 'a parameter of that name says nothing')
  for (const [id, params] of [
    ["of-'default'", OF_DEFAULT],
    ['of-guest', OF_GUEST],
  ] as const) {
    const kill = `KILL QUERY WHERE query_id = '${id.replaceAll("'", "\\'")}'`
    const another = params === OF_GUEST ? OF_DEFAULT : OF_GUEST
    t.equal((await query(url, kill, another)).text, '', `${id} is not another's`)
    t.ok(await until(async () => (await query(url, kill, params)).text !== ''))
  }
  await adminQuery(url, `KILL QUERY WHERE query_id = 'of-admin'`)
  for (const answer of await Promise.all(running)) t.equal(answer.headers['x-clickhouse-exception-code'], '394')
})

t.test('readers that run at once share the cores, and may ask for fewer', async (t) => {
  const THREADS = "SELECT extract(value, '[0-9]+') FROM system.settings WHERE name = 'max_threads'"
  const threads = async (asked: Record<string, string> = {}) =>
    Number((await query(url, THREADS, { ...OF_DEFAULT, ...asked })).text)
  const cores = availableParallelism()
  t.equal(await threads(), cores, 'alone: all')
  t.equal(await threads({ max_threads: '3' }), 3)
  const other = query(url, `${ENDLESS} OR number = 444444`, { ...OF_GUEST, ...GENTLE, query_id: 'another' })
  t.ok(await until(() => endpoint.stats().active === 1))
  const share = Math.max(1, Math.floor(cores / 2))
  t.equal(await threads(), share)
  t.equal(await threads({ max_threads: '64' }), share)
  t.equal(await threads({ max_threads: '1' }), 1)
  await query(url, `KILL QUERY WHERE query_id = 'another'`, OF_GUEST)
  await other
  t.equal(await threads(), cores)
})

t.test('who ends a query does not end the next one of its connection', async (t) => {
  for (let time = 0; time < 30; time++) {
    const params = { ...OF_DEFAULT, query_id: `short-${time}` }
    const [short, kill] = await Promise.all([
      query(url, 'SELECT count() FROM readings', params),
      query(url, `KILL QUERY WHERE query_id = 'short-${time}'`, OF_DEFAULT),
    ])
    const isWhole = short.complete && short.text === '10\n'
    t.ok(isWhole || short.text.includes('QUERY_WAS_CANCELLED'), 'whole, or an error', { text: short.text })
    t.equal(kill.status, 200)
    t.equal((await query(url, 'SELECT sum(id) FROM readings', OF_DEFAULT)).text, '45\n')
  }
})
