import t from 'tap'
import { MemoryLog } from '../../test/helpers/memory-log.ts'
import { openApp } from '../../test/helpers/open-app.ts'
import { Exchange } from '../http.ts'

/*
 * The requests of gateways that report many clients in one POST, and the answers that they can parse: docs/gateways.md, and the
 * gateways' sources (wifidog-ng 1.5 auth.c; apfree-wifidog 5 and 8 wifidog_counters).
 */

function posted(query: string, body: unknown) {
  const log = new MemoryLog()
  const app = openApp(log)
  const exchange = new Exchange()
  exchange.query = query
  exchange.userAgent = 'gateway'
  exchange.remoteIp = '192.0.2.1'
  app.post('auth', Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), exchange)
  return { app, log, answer: exchange.answer }
}

const wifidogNg = (count: number, token: (index: number) => string) => ({
  counters: Array.from({ length: count }, (_, index) => ({
    ip: `10.0.0.${index}`,
    mac: `00:11:22:33:44:${index.toString(16).padStart(2, '0')}`,
    token: token(index),
    uptime: 60 + index,
    incoming: 1000 + index,
    outgoing: 4294967295,
  })),
})

t.test('wifidog-ng 1.5: the answer has denials only', async (t) => {
  const { app, log, answer } = posted(
    'gw_id=G1&stage=counters',
    wifidogNg(3, (index) => (index === 1 ? '' : `token${index}`)),
  )
  t.equal(answer.code, 200)
  t.equal(answer.body, '{"resp":[{"mac":"00:11:22:33:44:01","auth":0}]}')
  await app.records.flush()
  const records = log.decoded('gateway_auth').map(({ record }) => record)
  t.match(records, [
    { stage: 'counters', gw_id: 'G1', mac: '00-11-22-33-44-00', auth_code: 1, own: true, extra: { uptime: '60' } },
    { stage: 'counters', gw_id: 'G1', mac: '00-11-22-33-44-01', auth_code: 0, own: false, extra: { uptime: '61' } },
    { stage: 'counters', gw_id: 'G1', mac: '00-11-22-33-44-02', auth_code: 1, own: true, extra: { uptime: '62' } },
  ])
  t.match(records[0], { ip: '10.0.0.0', remote_ip: '192.0.2.1', user_agent: 'gateway' })
  t.same(
    records.map(({ incoming, outgoing }) => [incoming, outgoing].map(String)),
    [0, 1, 2].map((index) => [String(1000 + index), '4294967295']),
  )
})

t.test('wifidog-ng 1.5: no answer has more than 1,024 bytes', (t) => {
  const { answer } = posted(
    'gw_id=G1&stage=counters',
    wifidogNg(200, () => ''),
  )
  const { resp } = JSON.parse(answer.body) as { resp: unknown[] }
  t.ok(Buffer.byteLength(answer.body) <= 1024, `${Buffer.byteLength(answer.body)} bytes`)
  t.ok(resp.length > 20, `${resp.length} denials`)
  t.end()
})

t.test('wifidog-ng 1.5: the answer if no client is denied', (t) => {
  t.equal(
    posted(
      'stage=counters&gw_id=G1',
      wifidogNg(2, () => 'x'),
    ).answer.body,
    '{"resp":[]}',
  )
  t.equal(
    posted(
      'stage=counters&gw_id=G1',
      wifidogNg(0, () => 'x'),
    ).answer.body,
    '{"resp":[]}',
  )
  t.end()
})

const apfreeClient = (id: number, more: object = {}) => ({
  id,
  ip: '10.0.0.7',
  mac: 'aa:bb:cc:dd:ee:ff',
  token: 'token7',
  name: 'N/A',
  incoming: 10,
  outgoing: 20,
  first_login: 1_700_000_000,
  online_time: 61,
  is_online: true,
  wired: false,
  ...more,
})

t.test('apfree 5: the answer has every client, with the types that were sent', async (t) => {
  const { app, log, answer } = posted('stage=counters_v2', {
    gw_id: 'G5',
    clients: [apfreeClient(1), apfreeClient(2, { token: 'null' })],
  })
  t.equal(answer.body, '{"gw_id":"G5","auth_op":[{"id":1,"auth_code":1},{"id":2,"auth_code":0}]}')
  await app.records.flush()
  t.match(log.decoded('gateway_auth')[0].record, {
    stage: 'counters',
    gw_id: 'G5',
    mac: 'AA-BB-CC-DD-EE-FF',
    extra: { id: '1', first_login: '1700000000', online_time: '61', is_online: 'true', wired: 'false', name: 'N/A' },
  })
})

t.test('apfree 8: several gateways of one device', async (t) => {
  const client = { id: 3, ip: '10.0.0.8', mac: 'aabbccddee01', token: 'token8', incoming_bytes: 7, outgoing_bytes: 8 }
  const { app, log, answer } = posted('stage=counters_v2', {
    device_id: 'D',
    gateway: [
      { gw_id: 'A', gw_channel: 'c1', clients: [{ ...client, incoming_packets: 5 }] },
      { gw_id: 'B', gw_channel: 'c2', clients: [] },
      { gw_id: 'C', gw_channel: 'c3', clients: [{ ...client, id: 4, token: '' }, client] },
    ],
  })
  t.equal(
    answer.body,
    '{"result":[{"gw_id":"A","auth_op":[{"id":3,"auth_code":1}]},{"gw_id":"B","auth_op":[]},' +
      '{"gw_id":"C","auth_op":[{"id":4,"auth_code":0},{"id":3,"auth_code":1}]}]}',
  )
  await app.records.flush()
  const records = log.decoded('gateway_auth').map(({ record }) => record)
  t.same(
    records.map((record) => record['gw_id']),
    ['A', 'C', 'C'],
  )
  t.match(records[0], { device_id: 'D', extra: { gw_channel: 'c1', incoming_packets: '5' } })
  // apfree 8.05, which renamed the counters, exchanged their directions: incoming_bytes come from the client.
  t.equal(String(records[0]['incoming']), '8')
  t.equal(String(records[0]['outgoing']), '7')
})

t.test('invalid values: the report is stored without them, and a dead letter gives the reason', async (t) => {
  const { app, log, answer } = posted('stage=counters_v2', {
    gw_id: 'G5',
    clients: [apfreeClient(1, { incoming: -5 }), apfreeClient(2, { outgoing: { nested: 'secret' } })],
  })
  t.equal(answer.code, 200)
  await app.records.flush()
  const records = log.decoded('gateway_auth').map(({ record }) => record)
  t.match(records, [{ incoming: null, extra: { incoming: '-5' } }, { outgoing: null }])
  t.match(
    log.decoded('dead_letters').map(({ record }) => record),
    [
      { source: 'auth', reason: 'bad_telemetry', error: 'incoming is not an unsigned 64-bit integer' },
      { source: 'auth', reason: 'missing_telemetry', error: 'outgoing is missing' },
    ],
  )
  t.notOk(log.decoded('dead_letters').some(({ record }) => String(record['payload']).includes('token7')))
})

t.test('bodies of unknown dialects are refused, and no part of them is kept', async (t) => {
  const cases: [string, unknown, string][] = [
    ['stage=counters', '{"counters":[{"token":"sesame"', 'bad_json'],
    ['stage=counters', '[{"token":"sesame"}]', 'not_an_object'],
    ['stage=counters', { clients: [] }, 'missing_field'],
    ['stage=counters_v2', { gw_id: 'G', clients: [{ mac: 'x', token: 'sesame' }] }, 'missing_field'],
    ['stage=counters_v2', { gateway: [{ gw_id: 'G', clients: 'sesame' }] }, 'missing_field'],
    ['stage=login', { token: 'sesame' }, 'unknown_stage'],
    ['', '', 'unknown_stage'],
  ]
  for (const [query, body, reason] of cases) {
    const { app, log, answer } = posted(query, body)
    t.equal(answer.code, 400)
    t.type(JSON.parse(answer.body), 'object')
    await app.records.flush()
    t.match(
      log.decoded('dead_letters').map(({ record }) => record),
      [{ source: 'auth', reason }],
    )
    t.notOk(JSON.stringify(log.decoded('dead_letters')).includes('sesame'))
    t.same(log.decoded('gateway_auth'), [])
  }
})

t.test('a body whose records fill several batches is answered when all of them are kept', async (t) => {
  const log = new MemoryLog()
  const app = openApp(log)
  const exchange = new Exchange()
  exchange.query = 'stage=counters&gw_id=G'
  const long = { name: 'x'.repeat(300) }
  const counters = Array.from({ length: 3000 }, (_, index) => ({
    ...long,
    mac: '00:11:22:33:44:55',
    token: `t${index}`,
    incoming: 1,
    outgoing: 1,
  }))
  app.post('auth', Buffer.from(JSON.stringify({ counters })), exchange)
  const { outcome } = await exchange.settled()
  t.equal(outcome, 'kept')
  const stored = log.decoded('gateway_auth')
  t.equal(stored.length, 3000)
  t.ok(new Set(stored.map(({ record }) => String(record['batch_id']))).size > 1, 'in several batches')
})
