import fc from 'fast-check'
import t from 'tap'
import { decodeRecords, type Decoded } from '../../test/helpers/decode.ts'
import { MemoryLog } from '../../test/helpers/memory-log.ts'
import { openApp } from '../../test/helpers/open-app.ts'
import { USER_NAME_RULES, type UserNameRule } from '../../common/user-name.ts'
import { recordSchema } from '../../schemas/avro.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { App } from '../app.ts'
import { Exchange } from '../http.ts'

/* Our encoders against avsc: avsc reads the values that we encoded, and writes the same bytes. */

const UINT64_MAX = 2n ** 64n - 1n
const signed = (value: bigint) => BigInt.asIntN(64, value)

const uint64 = fc.oneof(
  fc.constantFrom(
    0n,
    1n,
    63n,
    64n,
    127n,
    128n,
    2n ** 30n - 1n,
    2n ** 30n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 63n - 1n,
    2n ** 63n,
    UINT64_MAX,
  ),
  fc.bigInt({ min: 0n, max: UINT64_MAX }),
)
/** Difficult texts: empty, long, escapes, beyond ASCII, lone surrogates. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    ' ',
    '&=+%',
    '%41',
    'é',
    '日本',
    '😀',
    'x'.repeat(63),
    'x'.repeat(64),
    'ü'.repeat(300),
    'a\u0000b',
    '"\\',
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
)
const withSurrogates = fc.oneof(
  text,
  fc.constantFrom('\ud800', 'a\udfffb', '\udc00\ud800'),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes)),
)

/** The text after encoding to UTF-8. */
const wellFormed = (value: string) => Buffer.from(value, 'utf8').toString('utf8')

/** form-urlencoded in one of its many spellings. */
const spell = (value: string, everything: boolean) =>
  [...Buffer.from(value, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      if (!everything && /[A-Za-z0-9._:-]/.test(character)) return character
      if (!everything && byte === 0x20) return '+'
      return `%${byte.toString(16).padStart(2, '0')}`
    })
    .join('')

/** Each allocates the buffers of all streams, so all samples share them. */
const workers = new Map(
  USER_NAME_RULES.map((userNames) => {
    const log = new MemoryLog()
    return [userNames, { log, app: openApp(log, { userNames }) }] as const
  }),
)

async function encodeOne(
  stream: Stream,
  send: (app: App, exchange: Exchange) => void,
  userNames: UserNameRule = 'lowercase',
): Promise<Decoded> {
  const { log, app } = workers.get(userNames) as { log: MemoryLog; app: App }
  log.batches.length = 0
  send(app, new Exchange())
  await app.records.flush()
  const [{ record, bytes }, ...others] = log.decoded(stream)
  if (others.length > 0) throw new Error('more than one record')
  // Avro has one way to write each of these values, so the bytes must be avsc's.
  if (!recordSchema(stream).type.toBuffer(record).equals(bytes))
    throw new Error(`not the bytes that avsc writes: ${bytes.toString('hex')}`)
  return record
}

interface Sent {
  name: string
  value: string
}

const query = (sent: readonly Sent[], everything: boolean) =>
  sent.map(({ name, value }) => `${name}=${spell(value, everything)}`).join('&')
const shuffled = (sent: Sent[]) => fc.shuffledSubarray(sent, { minLength: sent.length })

t.test('gateway_pings: any values, order and spelling', async (t) => {
  const sample = fc
    .record({
      gw_id: text.filter((value) => value !== ''),
      sys_uptime: uint64,
      sys_memfree: uint64,
      load: fc.integer({ min: 0, max: 1_000_000 }),
      wifidog_uptime: uint64,
      extra: text,
      agent: withSurrogates,
    })
    .chain((values) => {
      const sent = [
        { name: 'gw_id', value: values.gw_id },
        { name: 'sys_uptime', value: String(values.sys_uptime) },
        { name: 'sys_memfree', value: String(values.sys_memfree) },
        { name: 'sys_load', value: (values.load / 100).toFixed(2) },
        { name: 'wifidog_uptime', value: String(values.wifidog_uptime) },
        { name: 'ssid', value: values.extra },
        { name: 'password', value: 'never kept' },
      ]
      return fc.record({ values: fc.constant(values), sent: shuffled(sent), everything: fc.boolean() })
    })
  await fc.assert(
    fc.asyncProperty(sample, async ({ values, sent, everything }) => {
      const record = await encodeOne('gateway_pings', (app, exchange) => {
        exchange.query = query(sent, everything)
        exchange.remoteIp = '192.0.2.1'
        exchange.userAgent = values.agent
        app.get('/wifidog/ping/', exchange)
      })
      t.equal(record['gw_id'], wellFormed(values.gw_id))
      t.equal(record['sys_uptime'], signed(values.sys_uptime))
      t.equal(record['sys_memfree'], signed(values.sys_memfree))
      t.equal(record['wifidog_uptime'], signed(values.wifidog_uptime))
      t.equal(record['sys_load'], Number((values.load / 100).toFixed(2)))
      t.equal(record['user_agent'], wellFormed(values.agent))
      t.equal(record['remote_ip'], '192.0.2.1')
      t.same(record['extra'], { ssid: wellFormed(values.extra) })
    }),
    { numRuns: 500 },
  )
})

t.test('gateway_auth: every field absent or present, any values', async (t) => {
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
  const sample = fc
    .record({
      stage: fc.constantFrom('login', 'counters', 'logout'),
      gw_id: optional(text),
      ip: optional(text),
      mac: optional(
        fc.constantFrom('ae:41:77:80:76:90', 'AE-41-77-80-76-90', 'ae41.7780.7690', 'ae4177807690', 'none', ''),
      ),
      token: optional(text),
      incoming: optional(uint64),
      outgoing: optional(uint64),
      incomingdelta: optional(uint64),
      outgoingdelta: optional(uint64),
      online_time: optional(text),
    })
    .chain((values) => {
      const sent = Object.entries(values).flatMap(([name, value]) =>
        value === undefined ? [] : [{ name, value: String(value) }],
      )
      return fc.record({ values: fc.constant(values), sent: shuffled(sent), everything: fc.boolean() })
    })
  await fc.assert(
    fc.asyncProperty(sample, async ({ values, sent, everything }) => {
      const record = await encodeOne('gateway_auth', (app, exchange) => {
        exchange.query = query(sent, everything)
        app.get('/auth/', exchange)
      })
      const long = (value: bigint | undefined) => (value === undefined ? null : { long: signed(value) })
      const unwrap = (value: unknown) =>
        value === null || typeof value === 'bigint' ? value : (value as { long: bigint }).long
      t.equal(record['stage'], values.stage)
      t.equal(record['gw_id'], wellFormed(values.gw_id ?? ''))
      t.equal(record['ip'], wellFormed(values.ip ?? ''))
      t.equal(record['mac'], values.mac && values.mac !== 'none' ? 'AE-41-77-80-76-90' : '')
      for (const [field, value] of [
        ['incoming', values.incoming],
        ['outgoing', values.outgoing],
        ['incoming_delta', values.incomingdelta],
        ['outgoing_delta', values.outgoingdelta],
      ] as const) {
        t.equal(unwrap(record[field]), unwrap(long(value)), field)
      }
      const known = values.token !== undefined && !['', 'null', 'N/A'].includes(values.token)
      t.equal(record['own'], known)
      t.equal(record['auth_code'], known && values.stage !== 'logout' ? 1 : 0)
      t.match(record['session_id'], known ? /^[0-9a-f]{32}$/ : /^$/)
      t.same(record['extra'], values.online_time === undefined ? {} : { online_time: wellFormed(values.online_time) })
    }),
    { numRuns: 500 },
  )
})

/** Text of characters up to U+00FF whose bytes are UTF-8 is what those bytes say. */
function decodedTwice(text: string): string {
  if ([...text].some((character) => character > '\u00ff')) return text
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(text, 'latin1'))
  } catch {
    return text
  }
}

t.test('post_auth: any JSON object, as JSON.parse understands it', async (t) => {
  const value = fc.oneof(
    withSurrogates,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
  )
  const names = [
    'mac',
    'called_station_id',
    'site_ip_address',
    'cert_name',
    'authentication_reply',
    'task_id',
    'cert_serial',
    'cert_subject',
    'cert_issuer',
    'nas_identifier',
    'nas_port_id',
  ]
  const sample = fc.record({
    rule: fc.constantFrom(...USER_NAME_RULES),
    username: withSurrogates,
    fields: fc.dictionary(fc.constantFrom(...names), value),
    eap: fc.constantFrom(
      undefined,
      null,
      '',
      'TLS',
      'tls',
      'NAK',
      'PEAP',
      'MSCHAPv2',
      'TTLS',
      'PEAP/MSCHAPv2',
      'TTLS/TLS',
    ),
    result: fc.constantFrom('Access-Accept', 'Access-Reject', 'access-accept', 'Access-Accept '),
    unknown: fc.jsonValue(),
    indent: fc.constantFrom(0, 2, '\t'),
    ascii: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(sample, async (sent) => {
      const body = {
        other: sent.unknown,
        username: sent.username,
        ...sent.fields,
        eap_type: sent.eap,
        authentication_result: sent.result,
      }
      let json = JSON.stringify(body, null, sent.indent)
      if (sent.ascii)
        json = json.replace(
          /[^\x20-\x7e\s]/g,
          (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
        )
      // The model: what JSON.parse gives, numbers and literals as their text.
      const parsed = JSON.parse(json) as Record<string, unknown>
      const field = (name: string) => {
        const found = parsed[name]
        return found === undefined || found === null
          ? ''
          : typeof found === 'string'
            ? decodedTwice(wellFormed(found))
            : JSON.stringify(found)
      }
      const eap = field('eap_type').toUpperCase()
      const certificate = eap === '' ? field('cert_name').trim() !== '' : eap === 'TLS' || eap === 'NAK'
      const user = wellFormed(
        {
          lowercase: () => field('username').toLowerCase(),
          'as-sent': () => field('username'),
          govwifi: () => [...field('username')].slice(0, 6).join('').toUpperCase(),
        }[sent.rule](),
      )
      if (!certificate && field('username') === 'HEALTH') return
      const record = await encodeOne(
        'post_auth',
        (app, exchange) => app.post('post_auth', Buffer.from(json), exchange),
        sent.rule,
      )
      t.equal(record['username'], certificate ? '' : user)
      t.equal(record['ssl_username'], certificate ? wellFormed([...field('username')].slice(0, 254).join('')) : '')
      for (const name of ['cert_name', 'cert_serial', 'cert_subject', 'cert_issuer'])
        t.equal(record[name], certificate ? field(name) : '', name)
      t.equal(record['site_ip'], field('site_ip_address'))
      t.equal(record['nas_identifier'], field('nas_identifier'))
      t.equal(record['nas_port_id'], field('nas_port_id'))
      const at = field('username').lastIndexOf('@')
      t.equal(
        record['realm'],
        at < 0
          ? ''
          : wellFormed(
              field('username')
                .slice(at + 1)
                .toLowerCase(),
            ),
      )
      t.equal(record['authentication_reply'], field('authentication_reply'))
      t.equal(record['task_id'], field('task_id'))
      t.equal(record['success'], sent.result === 'Access-Accept')
      t.equal(record['authentication_result'], sent.result)
      t.equal(record['eap_type'], certificate ? 'EAP-TLS' : 'MSCHAP')
      t.equal(record['auth_method'], field('eap_type'))
      const holds = /^[0-9a-f]{2}([:.-]?)(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![0-9a-f])(.*)/is.exec(
        field('called_station_id'),
      )
      t.equal(record['building_identifier'], holds ? '' : field('called_station_id'))
      t.equal(record['ssid'], holds?.[2].replace(/^(?:%3A|[:;,.\-_/|@# ])/i, '') ?? '')
    }),
    { numRuns: 1000 },
  )
})

t.test('dead_letters: any text', async (t) => {
  const log = new MemoryLog()
  const app = openApp(log)
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      log.batches.length = 0
      app.records.deadLetter(
        { source: 'ping', reason: 'bad_telemetry', error: value, payload: value, remoteIp: value, sender: value },
        Date.now(),
      )
      await app.records.flush()
      const [{ record, bytes }] = log.decoded('dead_letters')
      t.equal(record['payload'], wellFormed(value))
      t.ok(recordSchema('dead_letters').type.toBuffer(record).equals(bytes))
    }),
  )
})

t.test('every record carries the identity of its batch and its place in the batch', async (t) => {
  const log = new MemoryLog()
  const app = openApp(log)
  const exchange = new Exchange()
  const before = Date.now()
  for (let index = 0; index < 1000; index++) {
    exchange.query = `gw_id=${index}&sys_uptime=1&sys_memfree=2&sys_load=0.5&wifidog_uptime=3`
    app.get('/ping', exchange)
    if (index % 100 === 99) await app.records.flush()
  }
  await app.records.flush()
  const seen = new Set<string>()
  for (const batch of log.batches) {
    decodeRecords('gateway_pings', batch.records, batch.recordCount).forEach(({ record }, index) => {
      t.equal(record['batch_index'], index)
      t.same(Buffer.from(record['batch_id'] as Uint8Array), batch.batchId)
      t.ok(Number(record['received_at']) >= before && Number(record['received_at']) <= Date.now())
      seen.add(`${batch.batchId.toString('hex')} ${index}`)
    })
  }
  t.equal(seen.size, 1000)
})
