import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ConnectionGate } from '../../../common/connection-gate.ts'
import { addressGroup } from '../../../common/ip-address.ts'
import { openFilesLimit } from '../../../common/open-files.ts'
import { softLimit } from '../../../common/process-limits.ts'
import { TrustedProxies } from '../../../common/trusted-proxies.ts'
import { MemoryLog } from '../../../test/helpers/memory-log.ts'
import { openApp } from '../../../test/helpers/open-app.ts'
import { until } from '../../../test/helpers/until.ts'
import { workerBounds } from '../bounds.ts'
import { BulkListener } from '../bulk.ts'
import { GatewayListener } from '../gateway.ts'
import { connectionLimits, DEFAULT_LIMITS, openFilesWarning, type ListenerLimits } from '../limits.ts'
import { countPeers } from '../port-peers.ts'

/* What the listeners of a worker take at once: connections, unfinished bodies, requests that wait on one connection. */

async function listeners(t: Test, limits: Partial<ListenerLimits>, proxies: string[] = []) {
  const trusted = new TrustedProxies(proxies)
  const bounds = workerBounds(trusted, { ...DEFAULT_LIMITS, ...limits })
  const app = openApp(new MemoryLog())
  const gateway = new GatewayListener(app, trusted, null, null, bounds.gateway)
  const bulk = new BulkListener(app, trusted, null, null, bounds.bulk)
  await gateway.listen('127.0.0.1', 0)
  await bulk.listen('127.0.0.1', 0)
  t.teardown(() => {
    bulk.close()
    gateway.stopAccepting()
    gateway.close()
  })
  return { app, both: { gateway, bulk }, bounds }
}

/** A connection, what it received, and whether the server closed it. */
class Client {
  readonly socket: Socket
  received = ''
  closed = false

  constructor(t: Test, port: number, localAddress = '127.0.0.1') {
    this.socket = connect({ port, host: '127.0.0.1', localAddress })
    this.socket.on('data', (chunk) => (this.received += chunk.toString('latin1')))
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => (this.closed = true))
    t.teardown(() => this.socket.destroy())
  }

  send(text: string | Buffer): this {
    this.socket.write(text)
    return this
  }

  answers(pattern: RegExp): Promise<boolean> {
    return until(() => pattern.test(this.received), 5)
  }

  ends(): Promise<boolean> {
    return until(() => this.closed, 5)
  }
}

const HEALTH = 'GET /healthcheck HTTP/1.1\r\nHost: a\r\n\r\n'
const NAMES = ['gateway', 'bulk'] as const

t.test('connections: so many in all; whoever leaves makes room', async (t) => {
  const { both, bounds } = await listeners(t, { maxConnections: 8, maxConnectionsPerAddress: 100 })
  for (const name of NAMES) {
    const { port } = both[name]
    const { gate } = bounds[name]
    const first = Array.from({ length: 8 }, (_, index) => new Client(t, port, `127.0.0.${1 + index}`))
    t.ok(await until(() => gate.open === 8, 5), name)
    const more = new Client(t, port, '127.0.0.100').send(HEALTH)
    t.ok(await more.ends(), `${name}: the next one is closed`)
    t.equal(more.received, '')
    t.same(gate.refused, { total: 1, address: 0 })
    t.ok(await first[0].send(HEALTH).answers(/Healthy/), `${name}: those that are open are answered`)
    first[1].socket.destroy()
    t.ok(await until(() => gate.open === 7, 5))
    t.ok(await new Client(t, port, '127.0.0.100').send(HEALTH).answers(/Healthy/), `${name}: room again`)
    for (const client of first) client.socket.destroy()
    t.ok(await until(() => gate.open <= 1, 5), `${name}: all ends are counted`)
  }
})

t.test('connections of one address: at most a quarter, and others still connect', async (t) => {
  const { both, bounds } = await listeners(t, { maxConnections: 24, maxConnectionsPerAddress: 20 })
  for (const name of NAMES) {
    const { port } = both[name]
    const { gate } = bounds[name]
    t.equal(gate.limits.perAddress, 6)
    const greedy: Client[] = []
    t.ok(
      await until(() => {
        if (gate.open < gate.limits.total) greedy.push(new Client(t, port))
        return gate.refused.address > 0
      }, 5),
      `${name}: refused`,
    )
    t.ok(await until(() => greedy.some(({ closed }) => closed), 5))
    t.ok(await new Client(t, port, '127.0.0.9').send(HEALTH).answers(/Healthy/), `${name}: another address`)
    t.equal(gate.refused.total, 0)
    for (const { socket } of greedy) socket.destroy()
  }
})

t.test('a trusted proxy carries the connections of everybody', async (t) => {
  const { both, bounds } = await listeners(t, { maxConnections: 20, maxConnectionsPerAddress: 2 }, ['127.0.0.1'])
  for (const name of NAMES) {
    const clients = Array.from({ length: 18 }, () => new Client(t, both[name].port).send(HEALTH))
    for (const client of clients) t.ok(await client.answers(/Healthy/), name)
    t.same(bounds[name].gate.refused, { total: 0, address: 0 })
  }
})

t.test('unfinished bodies have one budget, of which one address gets a quarter', async (t) => {
  const { both, bounds } = await listeners(t, { maxBodyBytes: 350_000 })
  const head = 'POST /auth/?stage=counters_v2 HTTP/1.1\r\nHost: a\r\nContent-Length: 84000\r\n\r\n'
  const part = Buffer.alloc(80_000, ' ')
  for (const name of NAMES) {
    const { port } = both[name]
    const { bodies } = bounds[name]
    const held = [2, 3, 4, 5].map((last) => new Client(t, port, `127.0.0.${last}`).send(head).send(part))
    t.ok(await until(() => bodies.usedBytes >= 320_000, 5), `${name}: ${bodies.usedBytes} bytes held`)
    const refused = bodies.refused
    const same = new Client(t, port, '127.0.0.2').send(head).send(part)
    t.ok(await same.answers(/^HTTP\/1.1 503 /), `${name}: the share of an address`)
    t.ok(await same.ends())
    const other = new Client(t, port, '127.0.0.6').send(head).send(part)
    t.ok(await other.answers(/^HTTP\/1.1 503 /), `${name}: the whole budget`)
    t.ok(bodies.refused >= refused + 2)
    const report = '{"counters":[]}'
    const small = `POST /auth/?stage=counters HTTP/1.1\r\nHost: a\r\nContent-Length: ${report.length}\r\n\r\n${report}`
    t.ok(await new Client(t, port).send(small).answers(/^HTTP\/1.1 200 /), `${name}: a small body that arrives whole`)
    held[0].send(Buffer.alloc(4000, ' '))
    t.ok(await held[0].answers(/^HTTP\/1.1 400 /), `${name}: a body that ends is handled`)
    for (const { socket } of held.slice(1)) socket.destroy()
    t.ok(await until(() => bodies.usedBytes === 0, 5), `${name}: ${bodies.usedBytes} bytes are left`)
  }
})

t.test('after 413 the connection is closed, and the rest of the body is not read', async (t) => {
  const { both } = await listeners(t, {})
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const requests = {
    'a length that is too large':
      'POST /auth/?stage=counters HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n',
    'a path that takes no body': 'POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n',
    'a chunk that is too large': `POST /auth/?stage=counters HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3b9aca00\r\n`,
  }
  for (const name of NAMES) {
    for (const [what, head] of Object.entries(requests)) {
      const client = new Client(t, both[name].port).send(head)
      let sent = 0
      // The kernel's buffers take some of it; 100 MB are more than they hold.
      const more = () => {
        while (!client.closed && sent < 100_000_000) {
          sent += chunk.length
          if (!client.socket.write(chunk)) return
        }
      }
      client.socket.on('drain', more)
      more()
      t.ok(await client.ends(), `${name}: ${what}: closed`)
      t.ok(sent < 100_000_000, `${name}: ${what}: ${sent} bytes sent`)
    }
  }
})

t.test('a second request before the first one is answered closes the connection', async (t) => {
  const { both, bounds, app } = await listeners(t, {})
  const ping = 'GET /ping?gw_id=g&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3 HTTP/1.1\r\nHost: a\r\n\r\n'
  for (const name of NAMES) {
    const { port } = both[name]
    const greedy = new Client(t, port).send(ping.repeat(50))
    t.ok(await greedy.ends(), name)
    t.ok((greedy.received.match(/Pong/g) ?? []).length <= 1)
    const patient = new Client(t, port)
    for (let count = 1; count <= 3; count++) {
      patient.send(ping)
      t.ok(await patient.answers(new RegExp(`(Pong[^]*){${count}}`)), `${name}: one after the other`)
    }
  }
  t.equal(bounds.gateway.pipelined, 1)
  await app.records.flush()
})

t.test('a length that others may read differently is refused, and nothing after it is read', async (t) => {
  const { both, bounds } = await listeners(t, {})
  const post = 'POST /logging/post-auth HTTP/1.1\r\nHost: a\r\n'
  const smuggled = 'GET /healthcheck HTTP/1.1\r\nHost: a\r\n\r\n'
  const requests = [
    `${post}Content-Length: 3\r\nContent-Length: 50\r\n\r\nabc${smuggled}`,
    `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc${smuggled}`,
    `${post}Content-Length: 3, 50\r\n\r\nabc${smuggled}`,
    `${post}Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${smuggled}`,
    `${post}Transfer-Encoding: chunked, gzip\r\n\r\n3\r\nabc\r\n0\r\n\r\n${smuggled}`,
    `${post}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${smuggled}`,
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n${smuggled}`,
    `GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 42\r\n\r\n${smuggled}`,
    `GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 42\r\n\r\n${smuggled}`,
    `GET /ping HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n${smuggled}`,
    `HEAD /healthcheck HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ]
  for (const request of requests) {
    const client = new Client(t, both.bulk.port).send(request)
    t.ok(await client.ends(), request)
    t.match(client.received, /^(HTTP\/1.1 400 |$)/, request)
    t.notMatch(client.received, /Healthy/, request)
  }
  t.ok(bounds.bulk.framing >= requests.length - 2, 'the others are refused by uWebSockets')
  for (const request of requests) {
    const client = new Client(t, both.bulk.port).send(request.slice(0, -smuggled.length))
    t.ok(await client.ends(), request)
    t.match(client.received, /^HTTP\/1.1 400 /, request)
  }
  const plain = 'GET /healthcheck HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
  t.ok(await new Client(t, both.bulk.port).send(plain).answers(/Healthy/), 'no body is no body')
})

t.test('limits are derived from the open files', (t) => {
  const defaults = { ...DEFAULT_LIMITS }
  t.same(connectionLimits(defaults, 1024), { total: 384, perAddress: 96 })
  t.same(connectionLimits(defaults, 256), { total: 64, perAddress: 16 })
  t.same(connectionLimits(defaults, 1_048_576), { total: 20_000, perAddress: 1000 })
  t.same(connectionLimits(defaults, Infinity), { total: 20_000, perAddress: 1000 })
  t.same(connectionLimits({ ...defaults, maxConnections: 100, maxConnectionsPerAddress: 10 }, 1024), {
    total: 100,
    perAddress: 10,
  })
  t.match(openFilesWarning({ total: 384, perAddress: 1 }, 1024), /may open 1024 files.*4096/)
  t.match(openFilesWarning({ total: 5000, perAddress: 1 }, 8192), /8192 files.*10256/)
  t.equal(openFilesWarning({ total: 384, perAddress: 1 }, 65536), null)
  t.ok(openFilesLimit() > 0)
  t.equal(
    softLimit('Max open files            1024                 524288               files     \n', 'Max open files'),
    1024,
  )
  t.equal(
    softLimit('Max open files            unlimited            unlimited            files     \n', 'Max open files'),
    Infinity,
  )
  t.equal(softLimit('', 'Max open files'), undefined)
  t.end()
})

t.test('an address is an IPv4 address, or a /64', (t) => {
  t.equal(addressGroup('192.0.2.1'), '192.0.2.1')
  t.equal(addressGroup('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(addressGroup('2001:db8:1:2::6'), '2001:db8:1:2::/64')
  t.equal(addressGroup('2001:db8::1'), '2001:db8:0:0::/64')
  t.equal(addressGroup('::1'), '0:0:0:0::/64')
  t.equal(addressGroup('fe80::1%eth0'), 'fe80:0:0:0::/64')
  const gate = new ConnectionGate({ total: 10, perAddress: 2 }, () => false)
  t.ok(gate.admit('2001:db8::1'))
  t.ok(gate.admit('2001:db8::2'))
  t.notOk(gate.admit('2001:db8::3'), 'the same /64')
  t.ok(gate.admit('2001:db8:0:1::3'))
  gate.closed('2001:db8::1')
  t.ok(gate.admit('2001:db8::3'))
  t.end()
})

t.test('the kernel’s connections to a port, by address', (t) => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F90 0200007F:C001 01 00000000:00000000
   2: 0100007F:1F90 0200007F:C002 01 00000000:00000000
   3: 0100007F:1F90 0200007F:C003 06 00000000:00000000
   4: 0100007F:1F91 0200007F:C004 01 00000000:00000000`
  const tcp6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:1F90 0000000000000000FFFF00000200007F:C005 01
   1: B80D0120000000000000000001000000:1F90 B80D0120020001000000000003000000:C006 01`
  const counts = new Map<string, number>()
  countPeers(tcp, 8080, counts)
  countPeers(tcp6, 8080, counts)
  t.same(
    [...counts],
    [
      ['127.0.0.2', 3],
      ['2001:db8:1:2::/64', 1],
    ],
  )
  t.end()
})
