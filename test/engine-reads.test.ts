import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../common/logger.ts'
import { Exchange } from '../ingest/http.ts'
import { BATCH_SPAN_MS, type Batch } from '../schemas/batch.ts'
import type { Stream } from '../schemas/streams/index.ts'
import { openMigratedStore } from './helpers/migrated-store.ts'
import { MemoryLog } from './helpers/memory-log.ts'
import { openApp } from './helpers/open-app.ts'

/* ClickHouse reads the values that ingest encoded: boundary integers, empty, long and non-ASCII text, all fields absent. */

process.env['GATEPOST_LOG_LEVEL'] = 'silent'
const logger = createLogger('test')

const UINT64 = [
  '0',
  '1',
  '63',
  '64',
  '1073741823',
  '1073741824',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551615',
]
const TEXT = [
  '',
  'plain',
  'x'.repeat(63),
  'x'.repeat(64),
  'ü'.repeat(500),
  '日本 😀',
  'tab\tnew\nline',
  '\\ " \'',
  'nul\u0000l',
  '{}',
  '\\N',
  'NULL',
]
const DOUBLES = ['0', '0.03', '1.5', '123456789.125', '1e-7', '0.1']

const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
t.teardown(() => store.close())

const log = new MemoryLog()
const app = openApp(log)
const exchange = new Exchange()

/** All batches that were appended to the log, as a reader would pass them to the store. */
async function storeAll(stream: Stream): Promise<void> {
  await app.records.flush()
  const batches: Batch[] = log.batches
    .filter((batch) => batch.stream === stream)
    .map((batch) => ({ ...batch, minReceivedAt: Date.now() - 60_000, maxReceivedAt: Date.now() + BATCH_SPAN_MS }))
  await store.insertOnce(stream, batches)
}

t.test('heartbeats', async (t) => {
  const sent = UINT64.flatMap((number, index) => [
    { number, text: TEXT[index % TEXT.length], load: DOUBLES[index % DOUBLES.length] },
  ])
  sent.forEach(({ number, text, load }, index) => {
    exchange.userAgent = text
    exchange.remoteIp = '2001:db8::1'
    exchange.query = `gw_id=g${String(index).padStart(3, '0')}&sys_uptime=${number}&sys_memfree=${number}&sys_load=${load}&wifidog_uptime=${number}&ssid=${encodeURIComponent(text)}&channel=7`
    app.get('/ping/', exchange)
  })
  await storeAll('gateway_pings')
  const rows = await store.query<Record<string, unknown>>(
    'SELECT * EXCEPT (received_at, batch_id, batch_index, trusted) FROM gatepost.gateway_pings ORDER BY gw_id',
  )
  t.same(
    rows,
    sent.map(({ number, text, load }, index) => ({
      gw_id: `g${String(index).padStart(3, '0')}`,
      sys_uptime: number,
      sys_memfree: number,
      sys_load: Number(load),
      wifidog_uptime: number,
      remote_ip: '2001:db8::1',
      user_agent: text,
      extra: { ssid: text, channel: '7' },
      source: '',
      device_id: '',
    })),
  )
})

t.test('auth requests', async (t) => {
  exchange.userAgent = ''
  exchange.remoteIp = ''
  UINT64.forEach((number, index) => {
    exchange.query = `stage=counters&gw_id=${String(index).padStart(3, '0')}&token=a&incoming=${number}&outgoing=${number}&incomingdelta=${number}&mac=aa-bb-cc-dd-ee-ff`
    app.get('/auth/', exchange)
  })
  exchange.query = 'stage=logout'
  app.get('/auth/', exchange)
  await storeAll('gateway_auth')
  const rows = await store.query<Record<string, unknown>>(
    'SELECT gw_id, stage, incoming, outgoing, incoming_delta, outgoing_delta, mac, auth_code, own, extra FROM gatepost.gateway_auth ORDER BY gw_id',
  )
  const [nothing, ...reports] = rows
  t.same(nothing, {
    gw_id: '',
    stage: 'logout',
    incoming: null,
    outgoing: null,
    incoming_delta: null,
    outgoing_delta: null,
    mac: '',
    auth_code: 0,
    own: 0,
    extra: {},
  })
  t.same(
    reports,
    UINT64.map((number, index) => ({
      gw_id: String(index).padStart(3, '0'),
      stage: 'counters',
      incoming: number,
      outgoing: number,
      incoming_delta: number,
      outgoing_delta: null,
      mac: 'AA-BB-CC-DD-EE-FF',
      auth_code: 1,
      own: 1,
      extra: {},
    })),
  )
})

t.test('logins', async (t) => {
  const before = Date.now()
  const reply = [...TEXT, '\ud800', 'a\udfffb']
  reply.forEach((text, index) => {
    app.post(
      'post_auth',
      Buffer.from(
        JSON.stringify({
          authentication_result: 'Access-Accept',
          authentication_reply: text,
          task_id: String(index).padStart(3, '0'),
        }),
      ),
      exchange,
    )
  })
  await storeAll('post_auth')
  const rows = await store.query<{ text: string; at: string; success: number }>(
    'SELECT authentication_reply AS text, toUnixTimestamp64Milli(received_at) AS at, success FROM gatepost.post_auth ORDER BY task_id',
  )
  t.same(
    rows.map((row) => row.text),
    reply.map((text) => Buffer.from(text).toString()),
  )
  for (const { at, success } of rows) t.ok(success === 1 && Number(at) >= before && Number(at) <= Date.now())
})

t.test('dead letters', async (t) => {
  for (const text of TEXT)
    app.records.deadLetter(
      { source: 'auth', reason: 'unknown_stage', error: text, payload: text, remoteIp: text, sender: '' },
      Date.now(),
    )
  await storeAll('dead_letters')
  const rows = await store.query<{ payload: string }>(
    'SELECT payload FROM gatepost.dead_letters WHERE error = payload ORDER BY batch_id, batch_index',
  )
  t.same(rows.map((row) => row.payload).sort(), [...TEXT].sort())
})
