import t from 'tap'
import { MemoryLog } from '../../test/helpers/memory-log.ts'
import { openApp } from '../../test/helpers/open-app.ts'
import { BATCH_CAPACITY_BYTES } from '../batch.ts'
import { Exchange } from '../http.ts'
import { MAX_CLIENTS, MAX_GATEWAYS, MAX_QUERY_CHARACTERS } from '../limits.ts'
import { COUNTERS_MAX_BYTES } from '../routes/counters.ts'

/*
 * Requests that are larger than those of any gateway or RADIUS server. Symptom: one body of counters took minutes of CPU, and records larger
 * than a batch were answered as kept and could not be decoded. Root cause: no field had a limit, and the values that the clients of a body
 * share were encoded once per client.
 */

/** A worker's routes on a log in memory. */
function worker() {
  const log = new MemoryLog()
  const app = openApp(log)
  const exchange = (query: string) =>
    Object.assign(new Exchange(), { query, userAgent: 'gateway', remoteIp: '192.0.2.1' })
  return {
    log,
    app,
    get: async (path: string, query: string) => {
      const asked = exchange(query)
      app.get(path, asked)
      return asked.settled()
    },
    post: async (route: 'auth' | 'post_auth', query: string, body: unknown) => {
      const asked = exchange(query)
      app.post(route, Buffer.from(JSON.stringify(body)), asked)
      return asked.settled()
    },
    letters: () => log.decoded('dead_letters').map(({ record }) => record),
  }
}

const client = (index: number, more: object = {}) => ({
  id: index,
  ip: '10.0.0.7',
  mac: '00:11:22:33:44:55',
  token: `t${index}`,
  incoming: 1,
  outgoing: 2,
  ...more,
})

const clients = (count: number) => Array.from({ length: count }, (_, index) => client(index))

t.test('a body whose clients share a long gw_id is refused before any record is made', async (t) => {
  const bodies = [
    { gw_id: 'g'.repeat(500_000), clients: clients(5000) },
    { device_id: 'd'.repeat(500_000), gateway: [{ gw_id: 'G', clients: clients(100) }] },
    { gateway: [{ gw_id: 'G', gw_channel: 'c'.repeat(500_000), clients: clients(100) }] },
    { gw_id: 'G', clients: [client(0, { id: 'i'.repeat(1000) })] },
  ]
  for (const body of bodies) {
    const { post, log, letters } = worker()
    const { answer, outcome } = await post('auth', 'stage=counters_v2', body)
    t.equal(answer.code, 400)
    t.equal(outcome, 'kept', 'its dead letter')
    t.match(letters(), [{ reason: 'field_too_long', payload: /^\d+ bytes$/ }])
    t.same(log.decoded('gateway_auth'), [])
  }
  const { post, letters } = worker()
  const asked = await post('auth', `stage=counters&gw_id=${'g'.repeat(5000)}`, { counters: clients(2) })
  t.equal(asked.answer.code, 400)
  t.match(letters(), [{ reason: 'field_too_long' }])
})

t.test('a body of more clients or gateways than there can be is refused', async (t) => {
  const empty = Array.from({ length: MAX_GATEWAYS + 1 }, () => ({ gw_id: 'G', clients: [] }))
  const half = { gw_id: 'G', clients: Array.from({ length: MAX_CLIENTS / 2 + 1 }, () => ({ id: 1 })) }
  const bodies = [
    { gw_id: 'G', clients: Array.from({ length: MAX_CLIENTS + 1 }, () => ({ id: 1 })) },
    { gateway: empty },
    { gateway: [half, half] },
  ]
  for (const body of bodies) {
    const { post, log, letters } = worker()
    t.equal((await post('auth', 'stage=counters_v2', body)).answer.code, 400)
    t.match(letters(), [{ reason: 'too_many_clients' }])
    t.same(log.decoded('gateway_auth'), [])
  }
})

t.test(
  'the largest body: other requests are answered between its slices, and each client is stored once',
  async (t) => {
    const { app, post, get, log } = worker()
    const body = { gw_id: 'G', clients: clients(MAX_CLIENTS) }
    t.ok(JSON.stringify(body).length < COUNTERS_MAX_BYTES)
    let ended = false
    const large = post('auth', 'stage=counters_v2', body).then((reply) => {
      ended = true
      return reply
    })
    let meanwhile = 0
    while (!ended) {
      const { outcome } = await get('/ping', 'gw_id=p&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3')
      t.equal(outcome, 'kept')
      meanwhile++
    }
    t.ok(meanwhile >= 8, `${meanwhile} heartbeats`)
    const { answer, outcome } = await large
    t.equal(outcome, 'kept')
    const { auth_op } = JSON.parse(answer.body) as { auth_op: { id: number; auth_code: number }[] }
    t.same(
      auth_op.map(({ id, auth_code }) => [id, auth_code]),
      body.clients.map(({ id }) => [id, 1]),
    )
    await app.records.flush()
    const sessions = log.decoded('gateway_auth').map(({ record }) => record['session_id'])
    t.equal(sessions.length, MAX_CLIENTS)
    t.equal(new Set(sessions).size, MAX_CLIENTS)
  },
)

t.test('large bodies wait for their turn, and beyond a bound they are refused', async (t) => {
  const { app, post, log } = worker()
  const body = { gw_id: 'G', clients: [...clients(2), client(2, { note: 'n'.repeat(900_000) })] }
  const replies = await Promise.all(Array.from({ length: 50 }, () => post('auth', 'stage=counters_v2', body)))
  const codes = replies.map(({ answer }) => answer.code)
  t.ok(codes.includes(503))
  t.equal(app.countersRefused, codes.filter((code) => code === 503).length)
  const stored = codes.filter((code) => code === 200).length
  t.ok(stored >= 30, `${stored} handled`)
  await app.records.flush()
  t.equal(log.decoded('gateway_auth').length, 2 * stored)
})

t.test('a client whose report is too long makes a dead letter, cut; the others are stored', async (t) => {
  const { post, log, letters } = worker()
  const body = {
    gw_id: 'G',
    clients: [client(0), client(1, { note: 'n'.repeat(400_000) }), client(2, { token: 's'.repeat(5000) })],
  }
  const { answer, outcome } = await post('auth', 'stage=counters_v2', body)
  t.same(
    (JSON.parse(answer.body) as { auth_op: { auth_code: number }[] }).auth_op.map(({ auth_code }) => auth_code),
    [1, 1, 0],
    'a token that is too long is no token',
  )
  t.equal(outcome, 'kept')
  t.equal(log.decoded('gateway_auth').length, 1)
  t.match(letters(), [
    { reason: 'field_too_long', error: `the parameters have more than ${MAX_QUERY_CHARACTERS} characters` },
    { reason: 'field_too_long', error: 'token has more than 1024 characters' },
  ])
  t.ok(letters().every(({ payload }) => String(payload).length < 2000))
  t.notOk(JSON.stringify(letters()).includes('sss'), 'no token')
})

t.test('queries with long values: answered, and a dead letter that is cut', async (t) => {
  const telemetry = 'sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3'
  const long = (length: number) => 'x'.repeat(length)
  const cases: [string, string, string][] = [
    ['/ping', `gw_id=${long(600)}&${telemetry}`, 'Pong'],
    ['/ping', `gw_id=g&note=${long(500_000)}&${telemetry}`, 'Pong'],
    ['/ping', `gw_id=g&${long(300)}=1&${telemetry}`, 'Pong'],
    ['/ping', `gw_id=g&sys_uptime=${'1'.repeat(65)}&sys_memfree=2&sys_load=1&wifidog_uptime=3`, 'Pong'],
    ['/auth', `stage=login&token=t&mac=00:11:22:33:44:55&gw_id=${long(600)}`, 'Auth: 1'],
    ['/auth', `stage=login&mac=00:11:22:33:44:55&token=${long(2000)}`, 'Auth: 0'],
    ['/auth', `stage=login&mac=00:11:22:33:44:55&token=t&name=${long(500_000)}`, 'Auth: 1'],
    ['/auth', `stage=counters&token=t&mac=${long(600)}&incoming=1&outgoing=1`, 'Auth: 1'],
    ['/auth', `stage=counters&token=t&mac=1&incoming=${'1'.repeat(100)}&outgoing=1`, 'Auth: 1'],
    ['/auth', `stage=${long(100)}&token=t`, 'Auth: -1'],
  ]
  for (const [path, query, word] of cases) {
    const { get, app, letters } = worker()
    const { answer, outcome } = await get(path, query)
    const name = `${path}?${query.slice(0, 80)}`
    t.same([answer.code, answer.body, outcome], [200, word, 'kept'], name)
    const found = letters()
    t.equal(found.length, 1, name)
    t.match(found[0]['reason'], /^(field_too_long|unknown_stage)$/, name)
    t.ok(String(found[0]['payload']).length < 2000, name)
    const [[reason, count], ...others] = [...app.records.deadLettersByReason].filter(([, number]) => number > 0)
    t.same(others, [])
    t.match(reason, /^(ping|auth) (field_too_long|unknown_stage)$/)
    t.equal(count, 1)
  }
  const { get } = worker()
  t.equal((await get('/healthcheck', long(500_000))).answer.code, 414)
  t.equal((await get(`/${long(500_000)}/ping`, telemetry)).answer.code, 414)
})

t.test('a post-auth report with a long field is refused, with a dead letter that is cut', async (t) => {
  for (const field of ['username', 'mac', 'called_station_id', 'task_id', 'cert_subject', 'eap_type']) {
    const { post, log, letters } = worker()
    const report = { username: 'u', authentication_result: 'Access-Accept', [field]: 'x'.repeat(10_000) }
    const { answer, outcome } = await post('post_auth', '', report)
    t.match(JSON.parse(answer.body), { error: new RegExp(`^${field} has more than \\d+ bytes$`), field })
    t.equal(answer.code, 400)
    t.equal(outcome, 'kept')
    t.match(letters(), [{ source: 'post-auth', reason: 'field_too_long' }])
    t.ok(String(letters()[0]['payload']).length < 1000)
    t.same(log.decoded('post_auth'), [])
  }
})

t.test('a record that does not fit into a batch is refused, not promised', async (t) => {
  const { app, log } = worker()
  const { auth, pings } = app.records
  for (const batcher of [auth, pings]) {
    t.equal(batcher.begin(BATCH_CAPACITY_BYTES, Date.now()), null)
    t.equal(batcher.stats.failures.get('RECORD_TOO_LARGE'), 1)
  }
  const now = Date.now()
  t.equal(
    app.records.portalSession(
      {
        issued: now,
        sessionId: 's',
        gwId: 'g',
        mac: '',
        ip: '',
        account: 'a'.repeat(BATCH_CAPACITY_BYTES),
        method: 'webhook',
        termsVersion: '1',
        useBy: now,
        ends: now,
        confirmBy: null,
        remoteIp: '192.0.2.1',
      },
      now,
    ),
    null,
  )
  const payload = '\u0800'.repeat(2_000_000)
  const letter = { source: 'ping', reason: 'bad_telemetry', error: 'e', payload, remoteIp: '', sender: '' } as const
  t.not(app.records.deadLetter(letter, now), null, 'the payload of a dead letter is cut')
  await app.records.flush()
  t.equal(log.decoded('dead_letters').length, 1)
})
