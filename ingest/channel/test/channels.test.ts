import t, { type Test } from 'tap'
import { WebSocket, type RawData } from 'ws'
import type { AccessEntry } from '../../../access/log.ts'
import { TrustedProxies } from '../../../common/trusted-proxies.ts'
import { createLogger } from '../../../common/logger.ts'
import { MemoryAccess } from '../../../test/helpers/memory-access.ts'
import { MemoryLog } from '../../../test/helpers/memory-log.ts'
import { until } from '../../../test/helpers/until.ts'
import { App } from '../../app.ts'
import { GatewayListener } from '../../listeners/gateway.ts'
import { GatewayChannels } from '../channels.ts'

/* The WebSocket of apfree-wifidog, as the source of its 9.07 speaks it: src/ws_thread.c, src/api_handlers_auth.c. */

const MAC = '50-A6-7F-84-9C-D1'
const entry = (data: Record<string, unknown>, ms: number | null = 3_600_000): AccessEntry => ({
  verdict: 'allow',
  reason: '',
  until: ms === null ? null : Date.now() + ms,
  updatedAt: Date.now(),
  data,
})
const denial = (): AccessEntry => ({ verdict: 'deny', reason: 'x', until: null, updatedAt: Date.now() })

async function openListener(t: Test) {
  const access = new MemoryAccess()
  const log = new MemoryLog()
  const app = new App({
    log,
    authMode: 'signed',
    secrets: ['secret'],
    access,
    ack: 'durable',
    logger: createLogger('test'),
  })
  const channels = new GatewayChannels(access, app.records)
  const listener = new GatewayListener(app, new TrustedProxies([]))
  listener.serveChannels(channels)
  await listener.listen('127.0.0.1', 0)
  t.teardown(() => {
    listener.stopAccepting()
    listener.close()
  })
  await access.put('registration:hall', entry({ address: '', sources: ['127.0.0.1'] }, null))
  await access.put('registration:elsewhere', entry({ address: '', sources: ['203.0.113.7'] }, null))
  const goOnline = (sessionId: string, gwId = 'hall', mac = MAC, ms = 3_600_000) =>
    access.put(`online:${mac} ${gwId}`, entry({ sessionId, mac, confirmBy: 0 }, ms))
  const rows = async () => {
    await app.records.flush()
    return log.decoded('gateway_auth').map(({ record }) => record)
  }
  return { access, channels, port: listener.port, goOnline, rows }
}

/** A machine that reads one frame at a time, and answers only what it knows, as apfree does. */
async function connect(port: number, gateways: readonly string[], path = '/wifidog/ws/wifidogx', refuses = '') {
  const commands: Record<string, string>[] = []
  const clients = new Map([[MAC.toLowerCase().replaceAll('-', ':'), '192.168.1.9']])
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { 'User-Agent': 'apfree-wifidog' } })
  socket.on('message', (data: RawData) => {
    const command = JSON.parse((data as Buffer).toString('utf8')) as Record<string, string>
    commands.push(command)
    const { op, req_id, mac, client_mac } = command
    const ip = clients.get(mac ?? client_mac)
    const isRefused = op === refuses
    if (op === 'kickoff' && !isRefused) clients.delete(client_mac)
    const error = { type: `${op}_response`, data: {}, status: 'error', code: 1002, message: 'Gateway ID mismatch' }
    const done = { type: `${op}_response`, data: ip === undefined ? {} : { ip }, status: 'success', req_id }
    const payload = isRefused ? error : done
    socket.send(JSON.stringify({ req_id, response: '200', data: payload }))
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const hello = { op: 'connect', device_id: 'AW1', mode: 0, gateway: gateways.map((gw_id) => ({ gw_id })), req_id: '1' }
  socket.send(JSON.stringify(hello))
  return { socket, commands }
}

t.test('a client whose session is ended is removed at once', async (t) => {
  const { access, channels, port, goOnline, rows } = await openListener(t)
  await goOnline('0011')
  const { socket, commands } = await connect(port, ['hall'])
  t.teardown(() => socket.terminate())
  await until(() => channels.open === 1)
  t.ok(await until(() => access.get('channel:hall', Date.now()) !== undefined), 'commands know of the channel')
  await access.put('session:other', denial())
  await access.put('session:0011', denial())
  t.ok(await until(() => channels.stats.kicked === 1))
  t.match(commands, [
    { op: 'get_client_info', mac: '50:a6:7f:84:9c:d1' },
    { op: 'kickoff', client_ip: '192.168.1.9', client_mac: '50:a6:7f:84:9c:d1', device_id: 'AW1', gw_id: 'hall' },
  ])
  t.equal(channels.stats.failed, 0)
  // It reports nothing any more, so its session would go on as active.
  t.match(await rows(), [
    {
      ...{ stage: 'counters', gw_id: 'hall', device_id: 'AW1', mac: MAC, ip: '192.168.1.9', session_id: '0011' },
      ...{ incoming: null, outgoing: null, auth_code: 0, own: true, remote_ip: '127.0.0.1' },
      extra: { removed_by: 'channel' },
    },
  ])
})

t.test('a machine that refuses to remove a client has not done it', async (t) => {
  const { access, channels, port, goOnline, rows } = await openListener(t)
  await goOnline('0011')
  const { socket, commands } = await connect(port, ['hall'], undefined, 'kickoff')
  t.teardown(() => socket.terminate())
  await until(() => channels.open === 1)
  await access.put('session:0011', denial())
  t.ok(await until(() => channels.stats.failed === 1))
  t.equal(channels.stats.kicked, 0)
  t.equal(commands.length, 2)
  t.same(await rows(), [])
})

t.test('decisions about a device, an account or a gateway, and the end of a session', async (t) => {
  const { access, channels, port, goOnline } = await openListener(t)
  for (const [subject, ms] of [
    [`mac:${MAC}`, 3_600_000],
    ['account:alice', 3_600_000],
    ['gateway:hall', 3_600_000],
    [null, 1500],
  ] as const) {
    const { socket, commands } = await connect(port, ['hall'])
    await access.put('account-of:0022', entry({ account: 'alice' }))
    await goOnline('0022', 'hall', MAC, ms)
    if (subject !== null) await access.put(subject, denial())
    t.ok(await until(() => commands.some(({ op }) => op === 'kickoff')), String(subject))
    if (subject !== null) await access.put(subject, null)
    socket.terminate()
    t.ok(await until(() => channels.open === 0))
  }
})

t.test('nothing is said about other gateways, and nothing to strangers', async (t) => {
  const { access, channels, port, goOnline } = await openListener(t)
  await goOnline('0011', 'hall')
  await goOnline('0033', 'elsewhere', '50-A6-7F-84-9C-D3')
  await goOnline('0044', 'unregistered', '50-A6-7F-84-9C-D4')
  const stranger = await connect(port, ['elsewhere', 'unregistered'])
  const hall = await connect(port, ['hall'])
  t.teardown(() => [stranger, hall].forEach(({ socket }) => socket.terminate()))
  hall.socket.send('no JSON')
  hall.socket.send('{"op":"connect"}')
  await until(() => channels.open === 2)
  for (const session of ['0033', '0044', '0011']) await access.put(`session:${session}`, denial())
  t.ok(await until(() => channels.stats.kicked === 1))
  t.same(stranger.commands, [])
  t.equal(hall.commands.length, 2)
  t.ok(access.get('channel:hall', Date.now()))
  for (const gwId of ['elsewhere', 'unregistered']) t.equal(access.get(`channel:${gwId}`, Date.now()), undefined)
})

t.test('a device that logged in again stays', async (t) => {
  const { access, channels, port, goOnline } = await openListener(t)
  await goOnline('first')
  const { socket, commands } = await connect(port, ['hall'])
  t.teardown(() => socket.terminate())
  await until(() => channels.open === 1)
  await goOnline('second')
  await access.put('session:first', denial())
  await goOnline('third', 'hall', '50-A6-7F-84-9C-D9')
  await access.put('session:third', denial())
  t.ok(await until(() => commands.length === 1))
  t.match(commands, [{ mac: '50:a6:7f:84:9c:d9' }], 'of the device that is not known any more nothing follows')
})

t.test('other paths are refused, and large messages end the channel', async (t) => {
  const { channels, port } = await openListener(t)
  await t.rejects(connect(port, ['hall'], '/login/'), { message: /404/ })
  const { socket } = await connect(port, ['hall'], '/ws')
  await until(() => channels.open === 1)
  socket.send('x'.repeat(70_000))
  t.ok(await until(() => channels.open === 0))
  t.equal((await fetch(`http://127.0.0.1:${port}/ping/?gw_id=hall`)).status, 200, 'the listener serves on')
})
