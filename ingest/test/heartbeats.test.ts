import t from 'tap'
import { MemoryLog } from '../../test/helpers/memory-log.ts'
import { openApp } from '../../test/helpers/open-app.ts'
import type { App } from '../app.ts'
import { Exchange } from '../http.ts'

/* Heartbeats in the forms of docs/gateways.md. */

const NUMBERS = 'sys_uptime=1&sys_memfree=2&sys_load=0.25&wifidog_uptime=4'

function open() {
  const log = new MemoryLog()
  const app = openApp(log)
  return { log, app }
}

async function sent(app: App, path: string, query: string) {
  const exchange = new Exchange()
  exchange.query = query
  exchange.remoteIp = '192.0.2.1'
  app.get(path, exchange)
  const reply = await exchange.settled()
  await app.records.flush()
  return reply
}

const rows = (log: MemoryLog, stream: 'gateway_pings' | 'gateway_auth' | 'dead_letters') =>
  log.decoded(stream).map(({ record }) => record)

/*
 * Symptom: gateways that do not send every number were answered Pong, left no row, and were neither listed nor alarmed. Root cause: a heartbeat
 * with a missing or a bad number became a dead letter instead of a row.
 */
t.test('a heartbeat makes a row whatever numbers it has, and bad ones make a dead letter beside it', async (t) => {
  const nothing = { sys_uptime: null, sys_memfree: null, sys_load: null, wifidog_uptime: null }
  const cases: [what: string, query: string, row: object, problem: string | null][] = [
    [
      'Reyee',
      'gw_sn=H1RC0AB000001&gw_id=00d0f8123456&dev_model=EG205G&dev_softversion=ReyeeOS%201.55&sys_uptime=81',
      {
        gw_id: '00d0f8123456',
        ...nothing,
        sys_uptime: 81n,
        extra: { gw_sn: 'H1RC0AB000001', dev_model: 'EG205G', dev_softversion: 'ReyeeOS 1.55' },
      },
      null,
    ],
    [
      'Reyee without gw_id',
      'gw_sn=H1RC0AB000001&dev_model=EG205G',
      { gw_id: 'H1RC0AB000001', ...nothing, extra: { dev_model: 'EG205G' } },
      null,
    ],
    [
      'a fork without wifidog_uptime',
      'gw_id=f&sys_uptime=1&sys_memfree=2&sys_load=0.25',
      { sys_uptime: 1n, sys_memfree: 2n, sys_load: 0.25, wifidog_uptime: null, extra: {} },
      null,
    ],
    [
      'a decimal comma',
      'gw_id=f&sys_uptime=1&sys_memfree=2&sys_load=0,23&wifidog_uptime=4',
      { sys_uptime: 1n, sys_memfree: 2n, sys_load: null, wifidog_uptime: 4n, extra: { sys_load: '0,23' } },
      'sys_load is not a number in its range',
    ],
    [
      'a negative number',
      'gw_id=f&sys_uptime=1&sys_memfree=-1&sys_load=0.23&wifidog_uptime=4',
      { sys_memfree: null, sys_load: 0.23, extra: { sys_memfree: '-1' } },
      'sys_memfree is not a number in its range',
    ],
    ['only an id', 'gw_id=f', { gw_id: 'f', ...nothing, extra: {} }, null],
  ]
  for (const [what, query, row, problem] of cases) {
    const { log, app } = open()
    const { answer, outcome } = await sent(app, '/ping/', query)
    t.match({ body: answer.body, outcome }, { body: 'Pong', outcome: 'kept' }, what)
    t.match(rows(log, 'gateway_pings'), [row], what)
    t.equal(rows(log, 'gateway_pings').length, 1, what)
    const letters = rows(log, 'dead_letters').map(({ reason, error }) => ({ reason, error }))
    t.same(letters, problem === null ? [] : [{ reason: 'bad_number', error: problem }], what)
  }
})

/*
 * Symptom: gateways with wifidog-ng were listed with a load of 2,000 and terabytes of free memory. Root cause: it sends the load in units of 1/65,536
 * and memory in bytes, and the numbers were stored as those of WiFiDog.
 */
t.test('the numbers of wifidog-ng are stored in the units of their columns, and as they were sent', async (t) => {
  const query = (load: string, memory: string) =>
    `gw_id=ng&sys_uptime=9&sys_memfree=${memory}&sys_load=${load}&wifidog_uptime=4`
  const converted = (load: string, memory: string) => ({ sys_load: load, sys_memfree: memory })
  const cases: [query: string, load: number, memory: bigint, extra: object][] = [
    [query('1920', '20480000'), 1920 / 65536, 20000n, converted('1920', '20480000')],
    [query('0', '4096'), 0, 4n, converted('0', '4096')],
    [query('98304', '17179869184'), 1.5, 16777216n, converted('98304', '17179869184')],
    // WiFiDog with a whole number of pages, and forks that print the load without decimals.
    [query('0.00', '8192'), 0, 8192n, {}],
    [query('2', '20735100'), 2, 20735100n, {}],
    [query('0', '0'), 0, 0n, {}],
    ['gw_id=f&sys_memfree=8192&sys_load=1', 1, 8192n, {}],
  ]
  for (const [query, sys_load, sys_memfree, extra] of cases) {
    const { log, app } = open()
    await sent(app, '/ping', query)
    const [row] = rows(log, 'gateway_pings')
    t.match(row, { sys_load, sys_memfree }, query)
    t.same(row['extra'], extra, query)
    t.same(rows(log, 'dead_letters'), [], query)
  }
})

const machine = (gateways: readonly string[], device = 'AWDEV0001') =>
  Buffer.from(
    JSON.stringify({
      device_id: device,
      gateway: gateways.map((gw_id) => ({ gw_id, gw_channel: 'apfree', clients: [] })),
    }),
  )

async function counters(app: App, body: Buffer) {
  const exchange = new Exchange()
  exchange.query = 'stage=counters_v2'
  exchange.remoteIp = '192.0.2.1'
  app.post('auth', body, exchange)
  return exchange.settled()
}

/*
 * Symptom: apfree gateways from 7.10 on were listed under their machine's name, without clients, and no session knew their heartbeats. Root
 * cause: their heartbeats name the machine only, and everything else names the gateway.
 */
t.test('a heartbeat of a machine counts for the gateways that it has named', async (t) => {
  const { log, app } = open()
  await sent(app, '/ping/', `device_id=AWDEV0001&${NUMBERS}`)
  await counters(app, machine(['A', 'B']))
  await sent(app, '/ping/', `device_id=AWDEV0001&${NUMBERS}`)
  await sent(app, '/ping/', `device_id=other&${NUMBERS}`)
  await sent(app, '/ping/', `device_id=AWDEV0001&gw_id=A&${NUMBERS}`)
  const heartbeats = rows(log, 'gateway_pings').map(({ gw_id, device_id }) => [gw_id, device_id])
  t.same(heartbeats, [
    ['AWDEV0001', 'AWDEV0001'],
    ['A', 'AWDEV0001'],
    ['B', 'AWDEV0001'],
    ['other', 'other'],
    ['A', 'AWDEV0001'],
  ])
})

t.test('auth requests name the gateways of a machine too, in any order of the parameters', async (t) => {
  const login = 'stage=login&ip=10.0.0.1&mac=50:a6:7f:84:9c:d1&token=abc&incoming=0&outgoing=0'
  for (const query of [
    `${login}&gw_id=G&device_id=D`,
    `device_id=D&gw_id=G&${login}`,
    `gw_id=G&${login}&device_id=D`,
  ]) {
    const { log, app } = open()
    await sent(app, '/auth/', query)
    t.match(rows(log, 'gateway_auth'), [{ gw_id: 'G', device_id: 'D', own: true }], query)
    await sent(app, '/ping/', `device_id=D&${NUMBERS}`)
    t.match(rows(log, 'gateway_pings'), [{ gw_id: 'G', device_id: 'D' }], query)
  }
  const { log, app } = open()
  await sent(app, '/auth/', `${login}&device_id=D`)
  t.match(rows(log, 'gateway_auth'), [{ gw_id: 'D', device_id: 'D' }], 'without gw_id the machine is the gateway')
})

t.test('the stage is called counter by some', async (t) => {
  const { log, app } = open()
  const report = 'ip=10.0.0.1&mac=50:a6:7f:84:9c:d1&token=abc&incoming=1&outgoing=2&gw_id=G'
  const { answer } = await sent(app, '/auth/', `stage=counter&${report}`)
  t.equal(answer.body, 'Auth: 1')
  t.match(rows(log, 'gateway_auth'), [{ stage: 'counters', own: true, incoming: 1n }])
  t.same(rows(log, 'dead_letters'), [])
})

t.test('a machine has at most 16 gateways, and invented machines do not fill the disk', async (t) => {
  const { log, app } = open()
  await counters(app, machine(Array.from({ length: 40 }, (_, index) => `gw-${index}`)))
  await sent(app, '/ping/', `device_id=AWDEV0001&${NUMBERS}`)
  t.ok(rows(log, 'gateway_pings').length <= 16)
  const flood = open()
  for (let index = 0; index < 200; index++) await counters(flood.app, machine(['A'], `invented-${index}`))
  for (let index = 0; index < 200; index++) await sent(flood.app, '/ping/', `device_id=invented-${index}&${NUMBERS}`)
  const known = rows(flood.log, 'gateway_pings').filter(({ gw_id }) => gw_id === 'A')
  t.ok(known.length > 0 && known.length < 200, `${known.length} of 200 were remembered`)
})
