import fc from 'fast-check'
import { pino } from 'pino'
import t from 'tap'
import type { LogWriter } from '../../log/contract.ts'
import { recordSchema } from '../../schemas/avro.ts'
import type { Batch } from '../../schemas/batch.ts'
import { decodeRecords } from '../../test/helpers/decode.ts'
import { MemoryAccess } from '../../test/helpers/memory-access.ts'
import { App } from '../app.ts'
import { Exchange, finalAnswer } from '../http.ts'
import { LOCAL_WRITERS, type WriterOptions } from '../writers/writers.ts'

const NOW = Date.UTC(2026, 10, 29, 12)
const DAY_MS = 24 * 60 * 60 * 1000
const FORM = 'application/x-www-form-urlencoded'

type Fields = Record<string, unknown>

/** Keeps what is appended, decoded; checks that its bytes are those that avsc writes. */
class Kept implements LogWriter {
  readonly records: Fields[] = []
  readonly batches: string[] = []

  nextPartition(): number {
    return 0
  }

  append(batch: Batch): Promise<void> {
    for (const { record, bytes } of decodeRecords(batch.stream, batch.records, batch.recordCount)) {
      if (!recordSchema(batch.stream).type.toBuffer(record).equals(bytes)) throw new Error('not the bytes of avsc')
      this.records.push({ stream: batch.stream, ...record })
    }
    this.batches.push(batch.batchId.toString('hex'))
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

interface Sent {
  readonly type?: string
  readonly query?: string
  readonly credential?: string
  readonly from?: string
  readonly path?: string
}

function open(writers: WriterOptions = LOCAL_WRITERS) {
  const log = new Kept()
  const app = new App({
    log,
    authMode: 'open',
    secrets: ['secret'],
    access: new MemoryAccess(),
    ack: 'durable',
    accountingKeptDays: 30,
    writers,
    logger: pino({ level: 'silent' }),
  })
  const send = async (
    body: string | Fields,
    { type = 'application/json', query = '', credential, from = '127.0.0.1', path = '/logging/accounting' }: Sent = {},
  ) => {
    const exchange = new Exchange()
    exchange.now = () => NOW
    exchange.query = query
    exchange.remoteIp = from
    const authorization = credential === undefined ? '' : `Bearer ${credential}`
    const headers: Record<string, string> = { 'content-type': type, authorization }
    exchange.header = (name) => headers[name] ?? ''
    const handler = app.bodyHandler('POST', path, exchange)
    handler?.handle(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), exchange)
    const { answer, outcome } = await exchange.settled()
    return finalAnswer(answer, outcome).code
  }
  return { log, app, send }
}

const STOP = {
  acct_status_type: 'Stop',
  acct_unique_session_id: '2f5c9a',
  acct_session_id: '5F3A-00000001',
  acct_multi_session_id: 'roams',
  username: 'Alice@Example.ORG',
  mac: '50:a6:7f:84:9c:d1',
  called_station_id: 'C4-13-E2-22-DC-55:GovWifi',
  site_ip_address: '192.0.2.7',
  nas_identifier: 'lobby',
  nas_ip_address: '::ffff:10.1.0.1',
  nas_port_id: 'wlan0',
  framed_ip_address: '10.0.0.5',
  framed_ipv6_address: '2001:DB8::5',
  acct_session_time: '4000',
  acct_input_octets: 827770,
  acct_input_gigawords: 1,
  acct_output_octets: '4294967295',
  acct_output_gigawords: '4294967295',
  acct_input_packets: '10',
  acct_output_packets: '20',
  acct_terminate_cause: 'User-Request',
  acct_delay_time: '5',
  task_id: 'task-1',
}

t.test('a packet has every column', async (t) => {
  const { log, send } = open()
  t.equal(await send(STOP), 204)
  t.match(log.records, [
    {
      stream: 'radius_accounting',
      received_at: NOW,
      event_at: NOW - 5000,
      status_type: 'Stop',
      unique_id: '2f5c9a',
      acct_session_id: '5F3A-00000001',
      multi_session_id: 'roams',
      username: 'alice@example.org',
      realm: 'example.org',
      mac: '50-A6-7F-84-9C-D1',
      ap: 'C4-13-E2-22-DC-55',
      building_identifier: '',
      ssid: 'GovWifi',
      site_ip: '192.0.2.7',
      nas: 'lobby',
      nas_identifier: 'lobby',
      nas_ip: '10.1.0.1',
      nas_port_id: 'wlan0',
      framed_ip: '10.0.0.5',
      framed_ipv6: '2001:db8::5',
      session_time: 4000n,
      input_octets: 827770n + 2n ** 32n,
      output_octets: -1n,
      input_packets: 10n,
      output_packets: 20n,
      terminate_cause: 'User-Request',
      delay_time: 5n,
      task_id: 'task-1',
      remote_ip: '127.0.0.1',
      source: '',
    },
  ])
})

t.test('all five statuses, as names and as numbers', async (t) => {
  const { log, send } = open()
  const sent = ['Start', 'Interim-Update', 'Alive', 'stop', 'Accounting-On', 'Accounting-Off', '1', 2, 3, 7, 8]
  for (const acct_status_type of sent) t.equal(await send({ ...STOP, acct_status_type }), 204)
  t.same(
    log.records.map(({ status_type, unique_id }) => `${String(status_type)} ${String(unique_id)}`),
    [
      'Start 2f5c9a',
      'Interim-Update 2f5c9a',
      'Interim-Update 2f5c9a',
      'Stop 2f5c9a',
      'Accounting-On ',
      'Accounting-Off ',
      'Start 2f5c9a',
      'Stop 2f5c9a',
      'Interim-Update 2f5c9a',
      'Accounting-On ',
      'Accounting-Off ',
    ],
    'a NAS that restarts is no session',
  )
})

t.test('a form, and what rlm_rest makes of a list of attributes', async (t) => {
  const { log, send } = open()
  const list = {
    'Acct-Status-Type': { type: 'integer', value: ['Interim-Update'] },
    'Acct-Unique-Session-Id': { type: 'string', value: ['2f5c9a'] },
    'User-Name': { type: 'string', value: ['alice'] },
    'Calling-Station-Id': { type: 'string', value: ['50:a6:7f:84:9c:d1'] },
    'NAS-IP-Address': { type: 'ipaddr', value: ['10.1.0.1'] },
    'NAS-Port': { type: 'integer', value: [1] },
    'Acct-Input-Octets': { type: 'integer', value: [5] },
    'Acct-Session-Time': { type: 'integer', value: ['60'] },
  }
  t.equal(await send(list), 204)
  const form =
    'Acct-Status-Type=Interim-Update&Acct-Unique-Session-Id=2f5c9a&User-Name=alice&Calling-Station-Id=50%3Aa6%3A7f%3A84%3A9c%3Ad1&NAS-IP-Address=10.1.0.1&Acct-Input-Octets=5&Acct-Session-Time=60'
  t.equal(await send(form, { type: FORM }), 204)
  const template =
    'acct_status_type=Interim-Update&acct_unique_session_id=2f5c9a&username=alice&mac=50%3aa6:7f:84:9c:d1&nas_ip=10.1.0.1&acct_input_octets=5&acct_session_time=60'
  t.equal(await send(template, { type: FORM }), 204)
  t.equal(log.records.length, 3)
  for (const record of log.records)
    t.match(record, {
      status_type: 'Interim-Update',
      unique_id: '2f5c9a',
      username: 'alice',
      mac: '50-A6-7F-84-9C-D1',
      nas: '10.1.0.1',
      nas_ip: '10.1.0.1',
      session_time: 60n,
      input_octets: 5n,
      output_octets: null,
    })
})

t.test('what cannot be stored is a dead letter', async (t) => {
  const { log, send } = open()
  for (const [body, reason] of [
    [{ ...STOP, acct_status_type: undefined }, 'missing_field'],
    [{ ...STOP, acct_status_type: 'Tunnel-Start' }, 'unknown_status'],
    [{ ...STOP, acct_status_type: 'constructor' }, 'unknown_status'],
    [{ ...STOP, acct_unique_session_id: '', acct_session_id: null }, 'missing_field'],
    [{ acct_status_type: 'Accounting-On' }, 'missing_field'],
    [{ ...STOP, acct_session_id: 'x'.repeat(2049) }, 'field_too_long'],
    [{ ...STOP, mac: ['a', 'b'] }, 'not_text'],
    [{ ...STOP, event_timestamp: String(NOW / 1000 - 31 * 86_400) }, 'too_old'],
    ['{"acct_status_type":"Stop"', 'bad_json'],
    ['[]', 'not_an_object'],
  ] as const) {
    t.equal(await send(body as Fields | string), 400)
    t.match(log.records.at(-1), { stream: 'dead_letters', source: 'accounting', reason, sender: '' })
  }
  t.equal(log.records.length, 10)
  t.equal(await send('{}', { type: 'text/xml' }), 415)
})

t.test('when it happened', async (t) => {
  const credentials = [{ name: 'radius-1', secret: 'secret-of-radius-1' }]
  const { app, log, send } = open({ ...LOCAL_WRITERS, credentials, open: true })
  const hourAgo = NOW - 3_600_000
  const known = { credential: credentials[0].secret }
  const times = async (fields: Fields, sent: Sent) => {
    t.equal(await send({ ...STOP, ...fields }, sent), 204)
    const { received_at, event_at } = log.records.at(-1) as { received_at: number; event_at: number }
    return [received_at, event_at]
  }
  const event_timestamp = String(hourAgo / 1000)
  t.same(await times({ event_timestamp }, known), [hourAgo, hourAgo], 'a known sender says when')
  t.same(await times({ event_timestamp }, {}), [NOW, NOW - 5000], 'anybody else does not')
  t.same(await times({ event_timestamp: '946684860' }, known), [NOW, NOW - 5000], 'a clock that was never set')
  t.same(await times({ event_timestamp: 'noon' }, known), [NOW, NOW - 5000])
  t.same(await times({ event_timestamp: String((NOW + DAY_MS) / 1000) }, known), [NOW, NOW - 5000])
  t.same(await times({ acct_delay_time: '4294967295' }, known), [NOW, NOW])
  t.same(app.accounting.stats, {
    badNumbers: 0,
    timesNotUsed: { unproven: 1, unreadable: 1, ahead: 1, unset: 1 },
  })
  const report = { ...STOP, event_timestamp, report_id: 'a1' }
  for (const sent of [known, known]) t.equal(await send(report, sent), 204)
  const login = { authentication_result: 'Access-Accept', event_timestamp, report_id: 'a1' }
  t.equal(await send(login, { ...known, path: '/logging/post-auth' }), 204)
  const [first, second, other] = log.batches.slice(-3)
  t.equal(first, second, 'the same report sent again is the same batch')
  t.not(first, other, 'a login with the same id is another')
})

t.test('who may report', async (t) => {
  const credentials = [{ name: 'radius-1', secret: 'secret-of-radius-1' }]
  const closed = open({ ...LOCAL_WRITERS, credentials })
  t.equal(await closed.send(STOP), 401)
  t.equal(await closed.send(STOP, { credential: 'another-secret-of-16' }), 401)
  t.equal(await closed.send(STOP, { credential: credentials[0].secret }), 204)
  t.match(closed.log.records, [{ source: 'radius-1' }])
  t.equal(closed.app.writers.refused.get('accounting no_credential'), 1)
  const sources = { ...LOCAL_WRITERS, sources: { 'post-auth': ['192.0.2.0/24'] } }
  t.equal(await open(sources).send(STOP, { from: '192.0.2.7' }), 204, 'the networks of logins')
  t.equal(await open(sources).send(STOP), 403)
  const own = { ...sources, sources: { ...sources.sources, accounting: ['198.51.100.0/24'] } }
  t.equal(await open(own).send(STOP, { from: '198.51.100.7' }), 204, 'or its own')
  t.equal(await open(own).send(STOP, { from: '192.0.2.7' }), 403)
  t.equal(await open().send(STOP, { from: '192.0.2.7' }), 403, 'this machine only')
})

t.test('a session without a unique id gets one, of its NAS, person and device', async (t) => {
  const { log, send } = open()
  const report = {
    acct_status_type: 'Start',
    acct_session_id: '1',
    nas_ip: '10.1.0.1',
    username: 'a',
    mac: '50a67f849cd1',
  }
  for (const change of [{}, { acct_status_type: 'Stop' }, { nas_ip: '10.1.0.2' }, { username: 'b' }])
    t.equal(await send({ ...report, ...change }), 204)
  const ids = log.records.map(({ unique_id }) => unique_id)
  t.equal(ids[0], ids[1])
  t.equal(new Set(ids).size, 3)
  t.match(ids[0], /^[0-9a-f]{32}$/)
})

t.test('any numbers: what is none, or has more than 64 bits, is not reported', async (t) => {
  const number = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 33n }).map(String),
    fc.constantFrom('', '0', '-1', '4294967295', '18446744073709551615', '18446744073709551616', '1.5', 'null', '1e3'),
    fc.string({ maxLength: 8 }),
  )
  await fc.assert(
    fc.asyncProperty(number, number, number, async (low, high, time) => {
      const { log, send } = open()
      const sent = { ...STOP, acct_input_octets: low, acct_input_gigawords: high, acct_session_time: time }
      t.equal(await send(sent), 204)
      const valid = (text: string) => {
        const trimmed = text.trim()
        if (!/^\d+$/.test(trimmed)) return null
        const value = BigInt(trimmed)
        return value < 2n ** 64n ? value : null
      }
      const bytes = valid(low)
      const sum = bytes === null ? null : bytes + (valid(high) ?? 0n) * 2n ** 32n
      const long = (value: bigint | null) => (value === null || value >= 2n ** 64n ? null : BigInt.asIntN(64, value))
      t.same(log.records[0]['input_octets'], long(sum))
      t.same(log.records[0]['session_time'], long(valid(time)))
    }),
    { numRuns: 300 },
  )
})
