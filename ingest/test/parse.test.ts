import fc from 'fast-check'
import t from 'tap'
import { JsonFields, NOT_AN_OBJECT } from '../parse/json.ts'
import { normalMac } from '../../common/mac.ts'
import { BIG, INVALID, parseDecimal, parseUint64, uint64Value } from '../parse/number.ts'
import { assignsCredential, isCredential } from '../parse/credentials.ts'
import { formDecode, QueryFields } from '../parse/query.ts'
import { routeOf } from '../routes/router.ts'

t.test('MACs: a grouping that vendors use, at the start, and no more hex digits', (t) => {
  const same = [
    'C4-13-E2-22-DC-55:GovWifi',
    'C4-13-E2-22-DC-55%3AGovWifi',
    'c413e222dc55x',
    'c4:13:e2:22:dc:55',
    'c413.e222.dc55',
    'C413-E222-DC55',
    'c4.13.e2.22.dc.55 lobby',
    'c413e2-22dc55',
    'c413e222dc55:cafe',
    'c413e222dc55',
  ]
  for (const value of same) t.equal(normalMac(value), 'C4-13-E2-22-DC-55', value)
  const none = [
    '',
    'Building-Identifier',
    'Accredited-Academy-Bldg-4C',
    'c4--13-e2-22-dc-55',
    ' c413e222dc55',
    'c4-13-e2-22-dc-5',
    'c4-13-e2-22-dc-',
    'ｃ413e222dc55',
    '-c413e222dc55',
    'c-413e222dc55',
    'c4.13:e2-22dc55',
    'c4:13-e2:22:dc:55',
    '2600:1700:abcd:1234::5',
    'c413:e222:dc55',
    '262011234567890',
    'c413e222dc55a',
    'c4-13-e2-22-dc-555',
    '123e4567-e89b-12d3-a456-426614174000',
    'c413e222-dc55',
    'c413-e222.dc55',
  ]
  for (const value of none) t.equal(normalMac(value), '', value)
  t.end()
})

t.test('unsigned 64-bit integers', (t) => {
  const parse = (text: string) => parseUint64(text, 0, text.length)
  t.equal(parse('0'), 0)
  t.equal(parse('9007199254740991'), 2 ** 53 - 1)
  t.equal(parse('9007199254740992'), BIG)
  t.equal(uint64Value(), 2n ** 53n)
  t.equal(parse('18446744073709551615'), BIG)
  t.equal(uint64Value(), 2n ** 64n - 1n)
  t.equal(parse('0000000000000000000000000000007'), 7)
  for (const bad of ['', '-1', '+1', '1.0', '1e3', ' 1', '18446744073709551616', '9'.repeat(100), 'nan', '0x10'])
    t.equal(parse(bad), INVALID, bad)
  t.end()
})

t.test('decimals are parsed as Number parses them', (t) => {
  const parse = (text: string) => parseDecimal(text, 0, text.length)
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: 0, max: 12 }),
      (value, decimals) => {
        t.equal(parse(String(value)), value)
        const fixed = value.toFixed(decimals)
        t.equal(parse(fixed), Number(fixed))
      },
    ),
  )
  for (const bad of ['', '.', '-', 'nan', 'nan%', 'Infinity', '1,5', '0.0.3', '0x1', ' 1', '1e999'])
    t.ok(Number.isNaN(parse(bad)), bad)
  t.end()
})

t.test('form decoding equals that of URLSearchParams', (t) => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.array(fc.constantFrom('%', '%4', '%41', '+', '%zz', '%c3%a9', '%ff', '&', 'a', '%00')),
      (plain, parts) => {
        const raw = plain.replace(/[&#=\ud800-\udfff]/g, '') + parts.join('').replaceAll('&', '')
        t.equal(formDecode(raw), new URLSearchParams(`x=${raw}`).get('x'))
      },
    ),
  )
  t.end()
})

t.test('queries: known, unknown, repeated, escaped names, credentials', (t) => {
  const fields = new QueryFields(
    [64, 64],
    [
      ['gw_id', 0],
      ['ip', 1],
    ],
  )
  fields.parse('gw_id=a&&ip=1&gw_id=b&x=1&flag&%67w_id=c%20d&TOKEN=t&tok%65n=u&=v')
  t.equal(fields.text(0), 'c d')
  t.equal(fields.text(1), '1')
  const extras = Array.from({ length: fields.extras }, (_, index) =>
    [2 * index, 2 * index + 1].map((at) => fields.extraTexts[at].slice(fields.extraStarts[at], fields.extraEnds[at])),
  )
  t.same(extras, [
    ['x', '1'],
    ['flag', ''],
    ['', 'v'],
  ])
  fields.parse('')
  t.notOk(fields.has(0))
  fields.parse(Array.from({ length: 300 }, (_, index) => `k${index}=1`).join('&'))
  t.match(fields.oversize(), { reason: 'too_many_parameters' })
  t.end()
})

t.test('credentials are recognised by many names, and inside values', (t) => {
  const credentials = [
    'token',
    'TOKEN',
    ' token',
    'token[]',
    'x[token]',
    'access_token',
    'amp;token',
    'a;token',
    'token=x',
    'passwd',
    'password',
    'user_pass',
    'psk',
    'passphrase',
    'client_secret',
    'voucher',
    'code',
    'key',
    'api-key',
  ]
  for (const name of credentials) t.ok(isCredential(name), name)
  // Keys as apfree gateways send them, and similar ones.
  const others = [
    'wired_passed',
    'nf_conntrack_count',
    'cpu_usage',
    'online_clients',
    'offline_clients',
    'ssid',
    'version',
    'type',
    'name',
    'channel_path',
    'first_login',
    'online_time',
    'wired',
    'gw_address',
    'monkey',
    'incoming_bytes_v6',
  ]
  for (const name of others) t.notOk(isCredential(name), name)
  const assigning = [
    'nope?token=S',
    '1.2.3.4?token=S',
    'http://x/?token=S',
    'http://x/?a=1&access_token=S',
    'token%3DS',
    '{"password"=',
  ]
  for (const value of assigning) t.ok(assignsCredential(value), value)
  for (const value of ['abc==', 'a=b', 'token', 'the token is', '/path/token/x'])
    t.notOk(assignsCredential(value), value)

  const fields = new QueryFields(
    [64, 64, 64],
    [
      ['gw_id', 0],
      ['ip', 1],
      ['token', 2],
    ],
    2,
  )
  fields.parse(
    'gw_id=g&token=SECRET==&ip=1.2.3.4?token=SECRET&url=http%3A%2F%2Fx%2F%3Ftoken%3DSECRET&x[token]=SECRET&token%3DSECRET&ssid=a+b',
  )
  t.equal(fields.text(2), 'SECRET==')
  t.equal(fields.describe(), 'gw_id=g&ip=&url=&ssid=a+b')
  t.end()
})

t.test('JSON: accepts exactly what JSON.parse accepts', (t) => {
  const fields = new JsonFields(['a', 'b'])
  const parse = (text: string) => fields.parse(Buffer.from(text))
  fc.assert(
    fc.property(fc.json(), (json) => {
      const value = JSON.parse(json) as unknown
      const object = typeof value === 'object' && value !== null && !Array.isArray(value)
      t.equal(parse(json), object ? null : NOT_AN_OBJECT, json)
    }),
  )
  const valid = [
    '{}',
    ' { "a" : [ ] , "b" : { } } ',
    '{"a":[1,[2,{"c":[{}]}]]}',
    '{"a":-0.5e+10,"b":true}',
    '{"a":"\\u00e9\\ud83d\\ude00"}',
    '\ufeff{"a":1}',
  ]
  for (const text of valid) t.equal(parse(text), null, text)
  const invalid = [
    '',
    ' ',
    '{',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{"a":01}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":+1}',
    '{"a":tru}',
    '{"a":"\\x"}',
    '{"a":"\\u12g4"}',
    '{"a":"\n"}',
    '{"a":1}x',
    '{"a":[1,]}',
    '{"a":{"b":1,}}',
    '{"a":[}',
    '{"a":"',
    '{"a":"\\',
    '{"a":NaN}',
    '[{"a":1}',
    '{"a":1}{"b":2}',
    '{"a":"x"',
  ]
  for (const text of invalid) {
    t.throws(() => void JSON.parse(text), `${text} is no JSON`)
    t.match(parse(text), /^expected /, text)
  }
  t.match(parse(`{"a":${'['.repeat(600)}${']'.repeat(600)}}`), /levels/)
  t.equal(parse(`{"a":${'['.repeat(500)}${']'.repeat(500)}}`), null)
  parse('{"a":1,"a":"two","\\u0062":"x\\ty"}')
  t.equal(fields.text(0), 'two')
  t.equal(fields.text(1), 'x\ty')
  parse('{"a":{"x":[1, 2]},"b":null}')
  t.ok(fields.blank(0), 'an object is not a value')
  t.ok(fields.blank(1))
  fields.parse(Buffer.from([...Buffer.from('{"a":"'), 0xff, 0x41, ...Buffer.from('"}')]))
  t.equal(fields.text(0), '\ufffdA')
  t.end()
})

t.test('paths: any prefix, with or without a slash and index.php', (t) => {
  const routes: [string, string][] = [
    ['/ping', 'ping'],
    ['/ping/', 'ping'],
    ['/wifidog/ping/index.php', 'ping'],
    ['/a/b/c/auth/', 'auth'],
    ['/auth/index.php', 'auth'],
    ['/logging/post-auth', 'post_auth'],
    ['/x/logging/post-auth/', 'post_auth'],
    ['/post-auth', 'unknown'],
    ['/healthcheck', 'healthcheck'],
    ['/x/healthcheck', 'unknown'],
    ['/', 'root'],
    ['', 'root'],
    ['/pong', 'unknown'],
    ['/shipping', 'unknown'],
    ['/ping.php', 'ping'],
    ['/wifidog/auth.php', 'auth'],
    ['/gw_message.php/', 'gw_message'],
    ['/gw_message.php', 'gw_message'],
    ['/pingXphp', 'unknown'],
    ['/.php', 'unknown'],
    ['/ping/x', 'unknown'],
  ]
  for (const [path, route] of routes) t.equal(routeOf(path), route, path)
  t.end()
})
