import { get as httpsGet, request as httpsRequest } from 'node:https'
import { connect, Server } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { Certificate } from '../../../common/certificate.ts'
import { createLogger } from '../../../common/logger.ts'
import { TrustedProxies } from '../../../common/trusted-proxies.ts'
import { makeCertificate } from '../../../test/helpers/certificate.ts'
import { requireCommand } from '../../../test/helpers/commands.ts'
import { MemoryAccess } from '../../../test/helpers/memory-access.ts'
import { MemoryLog } from '../../../test/helpers/memory-log.ts'
import { openApp } from '../../../test/helpers/open-app.ts'
import { until } from '../../../test/helpers/until.ts'
import { GatewayChannels } from '../../channel/channels.ts'
import { workerBounds } from '../bounds.ts'
import { GatewayListener } from '../gateway.ts'
import { DEFAULT_LIMITS, type ListenerLimits } from '../limits.ts'

/*
 * Symptom: guests of a real apfree 9.07 with SSLAvailable saw "This page isn't working". Root cause: it redirects them to the port of TLS with the scheme
 * that they used, http, and a listener with TLS closed such connections.
 */

async function openListener(t: Test, limits: Partial<ListenerLimits> = {}) {
  if (requireCommand(t, 'openssl', 'openssl') === null) return null
  const { cert, key } = makeCertificate(t.testdir(), 'gateway')
  const certificate = new Certificate({ certFile: cert, keyFile: key }, createLogger('test'))
  const proxies = new TrustedProxies([])
  const bounds = workerBounds(proxies, { ...DEFAULT_LIMITS, ...limits })
  const app = openApp(new MemoryLog())
  const listener = new GatewayListener(app, proxies, null, certificate, bounds.gateway)
  const channels = new GatewayChannels(new MemoryAccess(), app.records)
  listener.serveChannels(channels)
  await listener.listen('127.0.0.1', 0)
  t.teardown(() => {
    listener.stopAccepting()
    listener.close()
  })
  return { port: listener.port, bounds: bounds.gateway, channels }
}

/** What is answered to a request in plain HTTP, until the connection ends. */
async function plain(port: number, request: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  let received = ''
  socket.on('data', (chunk) => (received += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.write(request)
  await closed
  return received
}

const answerOf = (response: NodeJS.ReadableStream) =>
  new Promise<string>((resolve) => {
    let text = ''
    response.on('data', (chunk: Buffer) => (text += chunk.toString()))
    response.on('end', () => resolve(text))
  })

const PING = '/ping/?gw_id=hall&sys_uptime=1&sys_memfree=2&sys_load=0.1&wifidog_uptime=4'
/** As apfree 9.07 sends them, in a build that reads right which scheme the browser used. */
const LOGIN =
  '/wifidog/login/?gw_address=192.168.77.1&is_ipv6=0&gw_port=2060&device_id=hall-router&gw_id=hall-2&gw_channel=guests&ssid=&ip=192.168.77.10&mac=ae:41:77:80:76:90&protocol=http&url=http%3A%2F%2F203.0.113.80%2Findex.html'

t.test('browsers that come with plain HTTP are sent to HTTPS', async (t) => {
  const opened = await openListener(t)
  if (opened === null) return
  const { port, bounds } = opened
  const host = `127.0.0.1:${port}`
  const answer = await plain(port, `GET ${LOGIN} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 307 /)
  t.match(answer, `\r\nLocation: https://${host}${LOGIN}\r\n`)
  t.match(answer, /\r\nConnection: close\r\n/)
  t.equal(bounds.refusedHeads.plain, 1)
  const page = await new Promise<string>((resolve, reject) => {
    httpsGet({ port, host: '127.0.0.1', path: LOGIN, rejectUnauthorized: false }, (response) =>
      resolve(answerOf(response)),
    ).on('error', reject)
  })
  t.match(page, /./, 'where it leads')
})

t.test('what cannot be sent on is refused, and a heartbeat is not taken for answered', async (t) => {
  const opened = await openListener(t)
  if (opened === null) return
  const { port, bounds } = opened
  const requests = [
    `POST /auth/?stage=counters HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`,
    `GET ${PING} HTTP/1.0\r\n\r\n`,
    `GET ${PING} HTTP/1.1\r\nHost: a/b\r\n\r\n`,
    `GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n`,
  ]
  for (const request of requests) t.match(await plain(port, request), /^HTTP\/1\.1 400 [^]*speaks HTTPS/, request)
  const ping = `GET ${PING.replace('hall', 'PongPong')} HTTP/1.1\r\nHost: a\r\n\r\n`
  t.notMatch(await plain(port, ping), /Pong/, 'gateways search a whole answer for it')
  t.equal(bounds.refusedHeads.plain, requests.length + 1)
  t.match(await plain(port, 'no request at all\r\n\r\n'), /^HTTP\/1\.1 400 /)
})

t.test('TLS works as without this, in whatever pieces it comes', async (t) => {
  const opened = await openListener(t)
  if (opened === null) return
  const { port, channels } = opened
  const body = JSON.stringify({ counters: [], filler: 'x'.repeat(300_000) })
  const posted = await new Promise<string>((resolve, reject) => {
    const options = { port, host: '127.0.0.1', method: 'POST', path: '/auth?gw_id=g&stage=counters' }
    const request = httpsRequest({ ...options, rejectUnauthorized: false }, (response) => resolve(answerOf(response)))
    request.on('error', reject)
    request.end(body)
  })
  t.equal(posted, '{"resp":[]}')

  // The first byte alone, and the rest of the handshake after it.
  const raw = connect({ port, host: '127.0.0.1' })
  const relay = await new Promise<number>((resolve) => {
    const server = new Server((client) => {
      let begun = false
      client.on('data', (chunk: Buffer) => {
        if (begun) return raw.write(chunk)
        begun = true
        raw.write(chunk.subarray(0, 1))
        setImmediate(() => raw.write(chunk.subarray(1)))
        return undefined
      })
      raw.on('data', (chunk: Buffer) => client.write(chunk))
      client.on('error', () => undefined)
      client.on('close', () => raw.destroy())
    })
    t.teardown(() => server.close())
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  const secure = tlsConnect({ port: relay, host: '127.0.0.1', rejectUnauthorized: false })
  secure.write(`GET ${PING} HTTP/1.0\r\n\r\n`)
  t.match(await answerOf(secure), /Pong$/)

  const socket = new WebSocket(`wss://127.0.0.1:${port}/ws/wifidogx`, { rejectUnauthorized: false })
  t.teardown(() => socket.terminate())
  t.ok(await until(() => channels.open === 1), 'a channel')
})

t.test('connections that have sent nothing count', async (t) => {
  const opened = await openListener(t, { maxConnections: 16 })
  if (opened === null) return
  const { port, bounds } = opened
  const silent = Array.from({ length: 20 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined))
  t.teardown(() => silent.forEach((socket) => socket.destroy()))
  t.ok(await until(() => Object.values(bounds.gate.refused).some((count) => count > 0)))
})
