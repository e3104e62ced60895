import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { setImmediate as turn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Certificate } from '../../../common/certificate.ts'
import { createLogger } from '../../../common/logger.ts'
import { makeCertificate } from '../../../test/helpers/certificate.ts'
import { until } from '../../../test/helpers/until.ts'
import { HEAD_MAX_BYTES } from '../raw-head.ts'
import { answered, NUMBERS, open, utf8 } from './gateway-listener.ts'

/*
 * Symptom: a gateway behind a slow link, with a space or a letter beyond ASCII in its gw_id, got 400 now and then, and took the server for dead. Root cause:
 * its request line came in several TCP packets. Node.js tells of the one that it cannot parse, and has forgotten those before.
 */
const target = `/ping/?gw_id=${utf8('Café')} Roma&ssid=x HTTP/1.1&${NUMBERS}`
const REQUEST = `GET ${target} HTTP/1.0\r\nUser-Agent: WiFiDog 1.1.5\r\nHost: a\r\n\r\n`
const CLIENT = { ip: '10.0.0.1', mac: '50:a6:7f:84:9c:d1', token: 'abc', incoming: 1, outgoing: 2 }
const BODY = JSON.stringify({ counters: [CLIENT] })
const POST = `POST /wifi dog/auth/?stage=counters&gw_id=Caf\xe9 Roma HTTP/1.1\r\nFoo Bar: x\r\nContent-Length: ${BODY.length}\r\n\r\n`

/** A client that sends what it is told, in packets of their own. `text`: one byte for each character. */
class Client {
  readonly #socket: Socket
  received = ''
  isEnded = false

  constructor(
    t: Test,
    port: number,
    socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }),
  ) {
    this.#socket = socket
    this.#socket.on('data', (chunk) => (this.received += chunk.toString('latin1')))
    this.#socket.on('end', () => (this.isEnded = true))
    this.#socket.on('error', () => (this.isEnded = true))
    t.teardown(() => this.#socket.destroy())
  }

  send(text: string): Promise<void> {
    return new Promise((resolve) => this.#socket.write(Buffer.from(text, 'latin1'), () => resolve()))
  }

  /** Nothing more comes. */
  finish(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** Waits as long as until(), and looks each time that something may have come. */
async function soon(holds: () => boolean): Promise<boolean> {
  for (let turns = 0; turns < 1000; turns++) {
    if (holds()) return true
    await turn()
  }
  return until(holds, 5)
}

/** Its request line comes in two packets, and it is answered and stored. */
async function pingsInTwoPackets(t: Test, client: Client, { bounds, rows }: Awaited<ReturnType<typeof open>>) {
  await client.send(REQUEST.slice(0, 30))
  t.ok(await soon(() => bounds.bodies.usedBytes === 30))
  await client.send(REQUEST.slice(30))
  t.ok(await soon(() => client.isEnded))
  t.match(client.received, /\r\n\r\nPong$/)
  t.match(await rows('gateway_pings'), [{ gw_id: 'Café Roma' }])
}

t.test('a request line is read wherever it is split into two packets', async (t) => {
  const { port, bounds, rows } = await open(t)
  for (let at = 1; at < REQUEST.length; at++) {
    const client = new Client(t, port)
    await client.send(REQUEST.slice(0, at))
    // The bytes of a head that goes on are kept.
    if (!(await soon(() => bounds.bodies.usedBytes === at))) t.fail(`the first ${at} bytes are not kept`)
    await client.send(REQUEST.slice(at))
    if (!(await soon(() => client.isEnded))) t.fail(`no answer: ${at}`)
    t.match(client.received, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nPong$/, `${at} bytes first`)
    t.equal(bounds.bodies.usedBytes, 0)
  }
  const found = await rows('gateway_pings')
  t.equal(found.length, REQUEST.length - 1)
  for (const row of found) {
    t.match(row, { gw_id: 'Café Roma', sys_uptime: 1n, user_agent: 'WiFiDog 1.1.5' })
    t.same(row['extra'], { ssid: 'x HTTP/1.1' })
  }
  t.equal(bounds.repairedHeads, found.length)
  t.same(bounds.refusedHeads, { malformed: 0, too_large: 0, timed_out: 0, full: 0, plain: 0 })
})

t.test('so are a bad header, and counters in a body', async (t) => {
  const { port, bounds, rows } = await open(t)
  for (let at = 1; at < POST.length; at++) {
    const client = new Client(t, port)
    await client.send(POST.slice(0, at))
    if (!(await soon(() => bounds.bodies.usedBytes === at))) t.fail(`the first ${at} bytes are not kept`)
    await client.send(POST.slice(at) + BODY)
    if (!(await soon(() => client.isEnded))) t.fail(`no answer: ${at}`)
    t.match(client.received, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\{"resp":/, `${at} bytes first`)
  }
  const found = await rows('gateway_auth')
  t.equal(found.length, POST.length - 1)
  for (const row of found) t.match(row, { gw_id: 'Café Roma', stage: 'counters', incoming: 1n })
  t.equal(bounds.bodies.usedBytes, 0)
})

t.test('one byte at a time', async (t) => {
  const { port, bounds, rows } = await open(t)
  for (const [head, body, answer] of [
    [REQUEST, '', 'Pong'],
    [POST, BODY, '{"resp":[]}'],
  ]) {
    const client = new Client(t, port)
    for (const [index, byte] of [...head].entries()) {
      await client.send(byte)
      const kept = index + 1 === head.length ? 0 : index + 1
      if (!(await soon(() => bounds.bodies.usedBytes === kept))) t.fail(`${index + 1} bytes are not kept`)
    }
    for (const byte of body) await client.send(byte)
    t.ok(await soon(() => client.isEnded))
    t.match(client.received, /^HTTP\/1\.1 200 OK\r\n/)
    t.equal(client.received.split('\r\n\r\n')[1], answer)
  }
  t.match(await rows('gateway_pings'), [{ gw_id: 'Café Roma', user_agent: 'WiFiDog 1.1.5' }])
  t.match(await rows('gateway_auth'), [{ gw_id: 'Café Roma', incoming: 1n }])
  t.equal(bounds.repairedHeads, 2)
})

t.test('over TLS', async (t) => {
  const { cert, key } = makeCertificate(t.testdir(), 'gateway')
  const certificate = new Certificate({ certFile: cert, keyFile: key }, createLogger('test'))
  const listener = await open(t, [], 4_000_000, certificate)
  const { port } = listener
  const client = new Client(t, port, connectTls({ port, host: '127.0.0.1', ca: readFileSync(cert) }))
  await pingsInTwoPackets(t, client, listener)
})

t.test('on a connection that had other requests before', async (t) => {
  const listener = await open(t)
  const { port, bounds } = listener
  const client = new Client(t, port)
  const proper = `POST /auth/?stage=counters&gw_id=a HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`
  await client.send(proper)
  for (const byte of BODY) await client.send(byte)
  t.ok(await soon(() => client.received.includes('{"resp":[]}')))
  t.equal(bounds.bodies.usedBytes, 0)
  await client.send('GET /healthcheck HTTP/1.1\r\nHos')
  t.ok(await soon(() => bounds.bodies.usedBytes > 0))
  await client.send('t: a\r\n\r\n')
  t.ok(await soon(() => client.received.includes('HTTP/1.1 200 OK', 20)))
  await pingsInTwoPackets(t, client, listener)
})

t.test('headers that come after the request line count', async (t) => {
  const { port, rows, bounds } = await open(t, ['127.0.0.1'])
  const line = `GET /ping/?gw_id=a b&${NUMBERS} HTTP/1.0\r\n`
  const client = new Client(t, port)
  await client.send(line)
  t.ok(await soon(() => bounds.bodies.usedBytes === line.length))
  await client.send('X-Forwarded-For: 198.51.100.7\r\n\r\n')
  t.ok(await soon(() => client.isEnded))
  t.match(await rows('gateway_pings'), [{ remote_ip: '198.51.100.7' }])
  // The answer does not wait for them for ever.
  t.match(await answered(t, port, line), /\r\n\r\nPong$/)
})

t.test('what follows another request in its packet is not read, and the other one is not read twice', async (t) => {
  const { port, bounds, rows } = await open(t)
  const first = 'GET /healthcheck HTTP/1.1\r\nHost: a\r\n\r\n'
  const received = await answered(t, port, first + REQUEST)
  t.equal(received.split('HTTP/1.1 200 OK').length, 2, 'one answer')
  t.match(received, /HTTP\/1\.1 400 /)
  t.equal(bounds.refusedHeads.malformed, 1)
  t.equal(bounds.repairedHeads, 0)
  t.same(await rows('gateway_pings'), [])
})

t.test('what is kept is bounded, for each connection and for all', async (t) => {
  const budget = 4000
  const { port, bounds, rows } = await open(t, [], budget)
  const begin = `GET /ping/?gw_id=${'x'.repeat(400)}`
  const clients = [new Client(t, port), new Client(t, port)]
  for (const [index, client] of clients.entries()) {
    await client.send(begin)
    t.ok(await soon(() => bounds.bodies.usedBytes === (index + 1) * begin.length))
  }
  // One address may hold a quarter of the budget.
  const third = new Client(t, port)
  await third.send(begin)
  t.ok(await soon(() => bounds.bodies.refused === 1))
  await third.send(' y HTTP/1.0\r\n\r\n')
  t.ok(await soon(() => third.isEnded))
  t.match(third.received, /^HTTP\/1\.1 503 /)
  t.equal(bounds.refusedHeads.full, 1)
  // A proper request needs nothing of it.
  t.match(await answered(t, port, `GET /ping/?gw_id=a&${NUMBERS} HTTP/1.0\r\n\r\n`), /\r\n\r\nPong$/)
  const fourth = new Client(t, port)
  await fourth.send(begin)
  t.ok(await soon(() => bounds.bodies.refused === 2))
  await fourth.send(' HTTP/1.0\r\n\r\n')
  t.ok(await soon(() => fourth.isEnded))
  t.match(fourth.received, /\r\n\r\nPong$/)
  // So is what is read after Node.js could not.
  await clients[0].send(' y')
  t.ok(await soon(() => bounds.bodies.usedBytes === 2 * begin.length + 2))
  await clients[0].send('y'.repeat(budget))
  t.ok(await soon(() => clients[0].isEnded))
  t.equal(bounds.refusedHeads.full, 2)
  clients[1].destroy()
  t.ok(await soon(() => bounds.bodies.usedBytes === 0))
  t.equal((await rows('gateway_pings')).length, 2)
})

t.test('a head that is too large is refused, in however many packets it comes', async (t) => {
  const { port, bounds } = await open(t)
  const part = 'x'.repeat(2000)
  for (const [count, begin] of ['GET /ping/?gw_id=', 'GET /ping/?gw_id=a b'].entries()) {
    const client = new Client(t, port)
    await client.send(begin)
    for (let bytes = 0; bytes < HEAD_MAX_BYTES + part.length && !client.isEnded; bytes += part.length) {
      await client.send(part).catch(() => undefined)
      await turn()
    }
    t.ok(await soon(() => client.isEnded))
    t.equal(bounds.refusedHeads.too_large, count + 1)
    t.equal(bounds.bodies.usedBytes, 0)
  }
})

const pieces = (...texts: string[]) => fc.constantFrom(...texts)
const textOf = (piece: fc.Arbitrary<string>, most: number) =>
  fc.array(piece, { maxLength: most }).map((each) => each.join(''))
const targets = textOf(
  pieces(
    'gw_id=',
    'a',
    ' ',
    '  ',
    '\xc3\xa9',
    '\xe9',
    '\x01',
    '\t',
    '%41',
    '%',
    '&',
    '?',
    'HTTP/1.1',
    ' HTTP/1.0',
    '#',
    '"',
    '\x7f',
  ),
  8,
)
const lines = fc.array(
  pieces(
    'Host: a',
    'Foo Bar: x',
    'X: a\x01b',
    'User-Agent: b',
    ': y',
    'X',
    'X: \xe9',
    'Connection: keep-alive',
    ' folded',
    'X:\r y',
  ),
  { maxLength: 4 },
)
const requests = fc
  .record({
    method: pieces('GET', 'GET', 'POST', 'HEAD', 'PUT', 'get', 'STEAL'),
    path: pieces('/ping/', '/auth/', '/my path/ping/', '/'),
    target: targets,
    version: pieces('HTTP/1.0', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/2.0', 'HTTP/1'),
    lines,
    lineEnd: pieces('\r\n', '\r\n', '\n'),
    body: pieces('', BODY, '{}', '0\r\n\r\n'),
  })
  .map(({ method, path, target, version, lines: own, lineEnd, body }) => {
    const all = [
      `${method} ${path}?${target} ${version}`,
      ...own,
      ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
    ]
    return all.map((line) => line + lineEnd).join('') + lineEnd + body
  })

t.test('any request gets the same answer in any packets', async (t) => {
  const seed = Number(process.env['GATEPOST_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`GATEPOST_TEST_SEED=${seed}`)
  const { port, bounds, rows } = await open(t)
  const answerTo = async (packets: readonly string[]) => {
    const before = (await rows('gateway_pings')).length + (await rows('gateway_auth')).length
    const client = new Client(t, port)
    for (const packet of packets) {
      await client.send(packet)
      // Sockets take turns, so that packets come one by one, mostly.
      for (let turns = 0; turns < 3; turns++) await turn()
    }
    client.finish()
    const ended = await soon(() => client.isEnded)
    client.destroy()
    const stored = [...(await rows('gateway_pings')), ...(await rows('gateway_auth'))].length - before
    return { ended, stored, answer: client.received.replace(/^Date: .*$/gm, '') }
  }
  await fc.assert(
    fc.asyncProperty(requests, fc.array(fc.nat(400), { minLength: 1, maxLength: 6 }), async (request, cuts) => {
      const [from, ...ends] = [...new Set([0, ...cuts.map((cut) => cut % request.length), request.length])].sort(
        (a, b) => a - b,
      )
      const packets = ends.map((end, index) => request.slice(index === 0 ? from : ends[index - 1], end))
      const whole = await answerTo([request])
      const inPackets = await answerTo(packets)
      if (!isDeepStrictEqual(whole, inPackets)) throw new Error(JSON.stringify({ whole, inPackets, packets }))
      if (bounds.bodies.usedBytes > 0) throw new Error(`kept: ${bounds.bodies.usedBytes}`)
    }),
    { numRuns: 300, seed, endOnFailure: true },
  )
  t.ok(bounds.repairedHeads > 50, `${bounds.repairedHeads} of them were such as Node.js does not parse`)
})
