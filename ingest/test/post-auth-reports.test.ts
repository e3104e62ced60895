import { gzipSync } from 'node:zlib'
import { pino } from 'pino'
import t from 'tap'
import type { LogWriter } from '../../log/contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import { decodeRecords } from '../../test/helpers/decode.ts'
import { MemoryAccess } from '../../test/helpers/memory-access.ts'
import { App } from '../app.ts'
import { Exchange, finalAnswer } from '../http.ts'
import { LOCAL_WRITERS, type WriterOptions } from '../writers/writers.ts'

const NOW = Date.UTC(2026, 10, 29, 12)
const DAY_MS = 24 * 60 * 60 * 1000

/** Keeps what is appended, decoded. */
class Kept implements LogWriter {
  readonly records: Record<string, unknown>[] = []
  readonly batches: string[] = []

  nextPartition(): number {
    return 0
  }

  append(batch: Batch): Promise<void> {
    for (const { record } of decodeRecords(batch.stream, batch.records, batch.recordCount))
      this.records.push({ stream: batch.stream, ...record })
    this.batches.push(batch.batchId.toString('hex'))
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

interface Sent {
  readonly type?: string
  readonly coding?: string
  readonly query?: string
  readonly credential?: string
}

function open(writers: WriterOptions = LOCAL_WRITERS) {
  const log = new Kept()
  const app = new App({
    log,
    authMode: 'open',
    secrets: ['secret'],
    access: new MemoryAccess(),
    ack: 'durable',
    loginsKeptDays: 30,
    writers,
    logger: pino({ level: 'silent' }),
  })
  const send = async (
    body: string | Buffer,
    { type = 'application/json', coding = '', query = '', credential }: Sent = {},
  ) => {
    const exchange = new Exchange()
    exchange.now = () => NOW
    exchange.query = query
    exchange.remoteIp = '127.0.0.1'
    const authorization = credential === undefined ? '' : `Bearer ${credential}`
    const headers: Record<string, string> = { 'content-type': type, 'content-encoding': coding, authorization }
    exchange.header = (name) => headers[name] ?? ''
    const handler = app.bodyHandler('POST', '/logging/post-auth', exchange)
    handler?.handle(Buffer.from(body), exchange)
    const { answer, outcome } = await exchange.settled()
    return finalAnswer(answer, outcome).code
  }
  return { log, app, send }
}

const FORM = 'application/x-www-form-urlencoded'

t.test('a report is JSON, a form, or what rlm_rest makes of a list of attributes', async (t) => {
  const { log, send } = open()
  const list = {
    'User-Name': { type: 'string', value: ['bob'] },
    'Calling-Station-Id': { type: 'string', value: ['50:a6:7f:84:9c:d1'] },
    'NAS-Port': { type: 'integer', value: [1] },
  }
  const result = 'authentication_result=Access-Accept'
  t.equal(await send('{"username":["bob"],"mac":"50:a6:7f:84:9c:d1","authentication_result":"Access-Accept"}'), 204)
  t.equal(await send(JSON.stringify(list), { query: result }), 204)
  t.equal(await send(`username=bob&mac=50%3aa6:7f:84:9c:d1&${result}`, { type: FORM }), 204)
  t.equal(
    await send(`User-Name=bob&Calling-Station-Id=50%3Aa6%3A7f%3A84%3A9c%3Ad1`, { type: FORM, query: result }),
    204,
  )
  const json = `{"username":"bob","mac":"50:a6:7f:84:9c:d1","authentication_result":"Access-Accept"}`
  t.equal(await send(json, { type: FORM }), 204, 'curl calls everything a form')
  t.equal(await send(gzipSync(json), { coding: 'gzip' }), 204)
  t.equal(await send(json, { type: '' }), 204)
  for (const record of log.records)
    t.match(record, { stream: 'post_auth', username: 'bob', mac: '50-A6-7F-84-9C-D1', success: true })
  t.equal(log.records.length, 7)
})

t.test('where a login happened', async (t) => {
  const { log, send } = open()
  const report = (fields: Record<string, string>) =>
    JSON.stringify({ authentication_result: 'Access-Accept', ...fields })
  await send(
    report({
      username: 'alice@Example.ORG',
      called_station_id: 'C4-13-E2-22-DC-55:Caf\u00c3\u00a9 guests',
      site_ip_address: '2001:DB8:0:0::1',
      nas_identifier: 'lobby',
      nas_ip: '::ffff:192.0.2.7',
      nas_port_id: 'wlan0',
    }),
  )
  await send(report({ called_station_id: 'c413e222dc55%3AGovWifi', site_ip_address: 'gateway.example.org' }))
  await send(report({ called_station_id: 'B\u00c3\u00bcrgerhaus', username: '\u00e6\u0097\u00a5\u00e6\u009c\u00ac' }))
  await send(report({ called_station_id: 'Bürgerhaus', username: '日本' }))
  t.match(log.records, [
    {
      ap: 'C4-13-E2-22-DC-55',
      ssid: 'Café guests',
      building_identifier: '',
      site_ip: '2001:db8::1',
      nas_identifier: 'lobby',
      nas_ip: '192.0.2.7',
      nas_port_id: 'wlan0',
      realm: 'example.org',
    },
    { ap: 'C4-13-E2-22-DC-55', ssid: 'GovWifi', site_ip: 'gateway.example.org', realm: '' },
    { building_identifier: 'Bürgerhaus', username: '日本' },
    { building_identifier: 'Bürgerhaus', username: '日本' },
  ])
})

t.test('probes make no record, and nobody else is taken for one', async (t) => {
  const { log, app, send } = open()
  for (const username of ['HEALTH', 'health', 'healthcare.team', 'HEALTHY', ''])
    t.equal(await send(JSON.stringify({ username, authentication_result: 'x' })), 204)
  t.equal(log.records.length, 4)
  t.equal(app.postAuth.stats.healthChecks, 1)
})

t.test('what has no text is refused and kept as a dead letter', async (t) => {
  const { log, send } = open()
  for (const value of ['["a","b"]', '{"a":1}', '[["a"]]', '{"type":"string","value":["a","b"]}'])
    t.equal(await send(`{"username":${value},"authentication_result":"Access-Accept"}`), 400, value)
  t.match(
    log.records.map(({ stream, reason, payload }) => ({ stream, reason, payload })),
    Array.from({ length: 4 }, () => ({
      stream: 'dead_letters',
      reason: 'not_text',
      payload: '{"authentication_result":"Access-Accept"}',
    })),
  )
  t.equal(await send('{"username":[],"authentication_result":"Access-Accept"}'), 204, 'no value is an empty field')
  t.equal(await send('not gzip', { coding: 'gzip' }), 400)
  t.equal(
    await send(gzipSync(Buffer.alloc(2 ** 20)), { coding: 'gzip' }),
    413,
    'a body is bounded when it is decompressed',
  )
  t.equal(await send('<login/>', { type: 'application/xml' }), 415)
  t.equal(await send('{}', { coding: 'br' }), 415)
})

t.test('a sender who proves itself says when a login happened', async (t) => {
  const credentials = [{ name: 'radius-1', secret: 'a-secret-of-radius-1' }]
  const report = (time: unknown) => JSON.stringify({ username: 'a', event_timestamp: time, authentication_result: 'x' })
  const times: [unknown, number][] = [
    [(NOW - 5000) / 1000, NOW - 5000],
    [`${(NOW - 5000) / 1000}.123456`, NOW - 5000 + 123],
    ['2026-11-29T11:00:00.5+01:00', Date.UTC(2026, 10, 29, 10, 0, 0, 500)],
    ['Nov 29 2026 06:30:15 UTC', Date.UTC(2026, 10, 29, 6, 30, 15)],
    [(NOW + 30_000) / 1000, NOW + 30_000],
    [(NOW + 90_000) / 1000, NOW],
    ['yesterday', NOW],
    ['2026-11-29 11:00:00', NOW],
    ['', NOW],
    [null, NOW],
  ]
  const { log, app, send } = open({ ...LOCAL_WRITERS, credentials })
  for (const [time] of times) t.equal(await send(report(time), { credential: 'a-secret-of-radius-1' }), 204)
  t.same(
    log.records.map(({ received_at }) => Number(received_at)),
    times.map(([, at]) => at),
  )
  t.same(app.postAuth.stats.timesNotUsed, { unproven: 0, unreadable: 2, ahead: 1 })
  t.equal(await send(report((NOW - 31 * DAY_MS) / 1000), { credential: 'a-secret-of-radius-1' }), 400)
  t.match(log.records.at(-1), { stream: 'dead_letters', reason: 'too_old' })

  const everybody = open({ ...LOCAL_WRITERS, credentials, open: true })
  t.equal(await everybody.send(report((NOW - 5000) / 1000)), 204)
  t.equal(Number(everybody.log.records[0]['received_at']), NOW, 'nobody else may move a login to another day')
  t.equal(everybody.app.postAuth.stats.timesNotUsed.unproven, 1)
})

t.test('a report that is sent again has the identity that it had', async (t) => {
  const { log, send } = open()
  const report = (id: string) =>
    JSON.stringify({ username: 'a', event_timestamp: NOW / 1000 - 5, report_id: id, authentication_result: 'x' })
  for (const id of ['one', 'two', 'one']) await send(report(id))
  await send('{"report_id":"one","authentication_result":"x"}')
  const [first, second, again, timeless] = log.batches
  t.equal(again, first)
  t.not(second, first)
  t.not(timeless, first, 'without its time, a report that is sent again cannot be told from another')
  t.same(log.records[2], log.records[0])

  // More at once than may wait are refused, not kept in memory.
  const codes = await Promise.all(Array.from({ length: 40 }, (_, index) => send(report(`many ${index}`))))
  t.equal(codes.filter((code) => code === 204).length, 32)
  t.equal(codes.filter((code) => code === 503).length, 8)
  t.equal(await send(report('later')), 204)
})
