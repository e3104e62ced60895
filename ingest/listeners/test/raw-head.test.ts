import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { TrustedProxies } from '../../../common/trusted-proxies.ts'
import { MemoryLog } from '../../../test/helpers/memory-log.ts'
import { openApp } from '../../../test/helpers/open-app.ts'
import { until } from '../../../test/helpers/until.ts'
import { workerBounds } from '../bounds.ts'
import { GatewayListener } from '../gateway.ts'

/*
 * Symptom: gateways with a space or a letter beyond ASCII in their gw_id or SSID got 400 for every heartbeat, which no metric counted, and took the
 * server for dead. Root cause: node:http refuses such a request line itself, and no handler sees the request.
 */

async function open(t: Test, proxies: string[] = []) {
  const trusted = new TrustedProxies(proxies)
  const bounds = workerBounds(trusted).gateway
  const log = new MemoryLog()
  const app = openApp(log)
  const listener = new GatewayListener(app, trusted, null, null, bounds)
  await listener.listen('127.0.0.1', 0)
  t.teardown(() => {
    listener.stopAccepting()
    listener.close()
  })
  const rows = async (stream: 'gateway_pings' | 'gateway_auth') => {
    await app.records.flush()
    return log.decoded(stream).map(({ record }) => record)
  }
  return { port: listener.port, bounds, rows }
}

/** What is answered until the server closes the connection. `text`: one byte for each character. */
async function answered(t: Test, port: number, ...packets: string[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let received = ''
  let ended = false
  socket.on('data', (chunk) => (received += chunk.toString('latin1')))
  socket.on('end', () => {
    ended = true
    socket.end()
  })
  socket.on('error', () => (ended = true))
  t.teardown(() => socket.destroy())
  for (const packet of packets) socket.write(Buffer.from(packet, 'latin1'))
  t.ok(await until(() => ended, 5), 'the server closes the connection')
  return received
}

const utf8 = (text: string) => Buffer.from(text).toString('latin1')
const NUMBERS = 'sys_uptime=1&sys_memfree=2&sys_load=0.25&wifidog_uptime=4'
const REST = 'HTTP/1.0\r\nUser-Agent: WiFiDog 1.1.5\r\nHost: a\r\n\r\n'

t.test('every heartbeat is answered, whatever is in its request line', async (t) => {
  const { port, bounds, rows } = await open(t)
  const cases: [line: string, gwId: string, more?: object][] = [
    [`/ping/?gw_id=Bar Centro&${NUMBERS}`, 'Bar Centro'],
    [`/ping/?gw_id=${utf8('Café 北京')}&${NUMBERS}`, 'Café 北京'],
    // Latin-1, which is not valid UTF-8.
    [`/ping/?gw_id=Caf\xe9&${NUMBERS}`, 'Café'],
    [`/my path/ping/?gw_id=b&ssid=a b&${NUMBERS}`, 'b', { ssid: 'a b' }],
    [`/ping/?gw_id=c&ssid=x HTTP/1.1&${NUMBERS}`, 'c', { ssid: 'x HTTP/1.1' }],
    [`/ping/?gw_id=d%20e f+g&${NUMBERS}`, 'd e f g'],
    [`/ping/?gw_id=t\tab\x01&${NUMBERS}`, 't\tab\x01'],
    [`/ping/?gw_id=%zz ü&${NUMBERS}`, '%zz ü'],
  ]
  for (const [line, gwId, more = {}] of cases) {
    const answer = await answered(t, port, `GET ${line} ${REST}`)
    t.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nPong$/, line)
    t.match(answer, /X-Gatepost-Record: kept/, line)
    const row = (await rows('gateway_pings')).at(-1)
    t.match(row, { gw_id: gwId, user_agent: 'WiFiDog 1.1.5', sys_uptime: 1n, remote_ip: '127.0.0.1' }, line)
    t.same(row?.['extra'], more, line)
  }
  t.equal(bounds.repairedHeads, cases.length)
  t.same(bounds.refusedHeads, { malformed: 0, too_large: 0, timed_out: 0 })
})

t.test('so is a request with a bad header, with bare line feeds, or without a Host', async (t) => {
  const { port, rows } = await open(t)
  const requests = [
    `GET /ping/?gw_id=a HTTP/1.0\r\nFoo Bar: x\r\n\r\n`,
    `GET /ping/?gw_id=a HTTP/1.0\r\nUser-Agent: a\x01b\r\nHost: a\r\n\r\n`,
    `GET /ping/?gw_id=a HTTP/1.0\nHost: a\n\n`,
    `GET /ping/?gw_id=a HTTP/1.1\r\nConnection: close\r\n\r\n`,
    // The headers come later, or never.
    `GET /ping/?gw_id=a b HTTP/1.1\r\n`,
  ]
  for (const request of requests) t.match(await answered(t, port, request), /\r\n\r\nPong$/, request)
  t.equal((await rows('gateway_pings')).length, requests.length)
})

t.test('auth requests and redirects of browsers too', async (t) => {
  const { port, rows } = await open(t)
  const auth = 'stage=counters&ip=10.0.0.1&mac=50:a6:7f:84:9c:d1&token=abc&incoming=1&outgoing=2'
  t.match(await answered(t, port, `GET /auth/?${auth}&gw_id=Bar Centro ${REST}`), /\r\n\r\nAuth: 1$/)
  t.match(await rows('gateway_auth'), [{ gw_id: 'Bar Centro', stage: 'counters', incoming: 1n, own: true }])
  t.match(await answered(t, port, `HEAD /healthcheck?a b ${REST}`), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/)
  t.match(await answered(t, port, `GET /nothing here ${REST}`), /^HTTP\/1\.1 404 /)
})

t.test('the address that a trusted proxy forwards is used, and no other', async (t) => {
  const forwarded = `GET /ping/?gw_id=a b&${NUMBERS} HTTP/1.0\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n`
  const trusting = await open(t, ['127.0.0.1'])
  await answered(t, trusting.port, forwarded)
  t.match(await trusting.rows('gateway_pings'), [{ remote_ip: '198.51.100.7' }])
  const other = await open(t)
  await answered(t, other.port, forwarded)
  t.match(await other.rows('gateway_pings'), [{ remote_ip: '127.0.0.1' }])
})

t.test('what cannot be read is refused, and counted by reason', async (t) => {
  const { port, bounds, rows } = await open(t)
  const malformed = [
    'hello\r\n\r\n',
    `POST /auth/?stage=counters&gw_id=a b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`,
    'GET /ping/?gw_id=a b HTTP/2.0\r\n\r\n',
    'GET /ping/?gw_id=a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
  ]
  for (const request of malformed) t.match(await answered(t, port, request), /^HTTP\/1\.1 400 /, request)
  t.same(bounds.refusedHeads, { malformed: malformed.length, too_large: 0, timed_out: 0 })
  const long = `GET /ping/?gw_id=a HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
  t.match(await answered(t, port, long), /^(HTTP\/1\.1 431 |$)/)
  t.equal(bounds.refusedHeads.too_large, 1)
  t.same(await rows('gateway_pings'), [])
})

t.test('a request that follows, or that is in a body, is not read', async (t) => {
  const { port, bounds, rows } = await open(t)
  const hidden = `GET /ping/?gw_id=hidden one&${NUMBERS} HTTP/1.0\r\n\r\n`
  await answered(t, port, `GET /ping/?gw_id=a b&${NUMBERS} HTTP/1.0\r\n\r\n${hidden}`)
  const chunked = 'POST /auth/?stage=counters HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
  await answered(t, port, chunked, hidden)
  t.same(
    (await rows('gateway_pings')).map(({ gw_id }) => gw_id),
    ['a b'],
  )
  t.equal(bounds.repairedHeads, 1)
})
