import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Instance } from '../helpers/instance.ts'
import { until } from '../helpers/until.ts'
import { GoodClient } from './good-client.ts'
import { assertMemoryReturns, residentMiB } from './memory.ts'
import { metric } from './metric.ts'

/*
 * Connections that send nothing, or never finish what they send. Symptom: 1,500 idle ones used up the descriptors of a process that may open
 * 1,024 files, and nothing was stored until a restart.
 */

const OPEN_FILES = 1024

/** Opens connections from this address until none is left to open. Some are closed at once; errors are their business. */
function open(t: Test, port: number, localAddress: string, count: number, text = ''): Socket[] {
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => undefined)
    socket.resume()
    if (text !== '') socket.write(text)
    return socket
  })
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  return sockets
}

const refused = (instance: Instance, listener: string) =>
  metric(instance, 'gatepost_connections_refused_total', `listener="${listener}"`)

t.test('1,500 idle connections to a process that may open 1,024 files', async (t) => {
  const instance = await Instance.create(t.testdir(), {}, { openFiles: OPEN_FILES })
  t.teardown(() => instance.destroy())
  await instance.start()
  t.match(instance.output, /ingest: this process may open 1024 files/)
  const worker = instance.children('ingest-main')
  const good = new GoodClient(instance).start()
  t.ok(await until(() => good.kept > 100), 'records are stored before')
  const before = residentMiB(worker)
  const { gatewayPort, ingestPort } = instance
  const head = 'POST /logging/post-auth HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{'
  const idle = [
    ...open(t, gatewayPort, '127.0.0.2', 500),
    ...open(t, ingestPort, '127.0.0.3', 500),
    ...open(t, gatewayPort, '127.0.0.4', 250, 'GET /ping HTTP/1.1\r\nX-Slow: '),
    ...open(t, ingestPort, '127.0.0.5', 250, head),
  ]
  for (const listener of ['gateway', 'bulk']) {
    t.ok(await until(async () => (await refused(instance, listener)) > 0), `${listener}: refused`)
  }
  const during = good.kept
  t.ok(await until(() => good.kept > during + 100), 'records are stored meanwhile')
  t.ok(await until(() => idle.every(({ closed }) => closed)), 'every one of them reaches a deadline')
  await good.stop()
  t.same(good.failures, [])
  t.same(instance.children('ingest-main'), worker, 'no worker was replaced')
  t.notMatch(instance.output, /cannot seal|EMFILE/)
  const rows = await instance.queryUntil<{ n: number }>(
    `SELECT toUInt32((SELECT count() FROM gateway_pings) + (SELECT count() FROM post_auth)) AS n`,
    ([row]) => row.n >= good.kept,
  )
  t.same(rows, [{ n: good.kept }], 'all that was acknowledged is stored, once')
  await assertMemoryReturns(t, worker, before)
})

t.test('bodies that are never finished do not add up', async (t) => {
  const instance = await Instance.create(t.testdir(), { GATEPOST_UNFINISHED_BODIES_MAX_BYTES: '8MiB' })
  t.teardown(() => instance.destroy())
  await instance.start()
  const worker = instance.children('ingest-main')
  const good = new GoodClient(instance).start()
  t.ok(await until(() => good.kept > 20), 'records are stored before')
  const before = residentMiB(worker)
  const head = 'POST /auth/?stage=counters_v2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n'
  for (const port of [instance.gatewayPort, instance.ingestPort]) {
    for (let from = 2; from < 12; from++) open(t, port, `127.0.0.${from}`, 10, head + ' '.repeat(1_000_000))
  }
  t.ok(await until(async () => (await metric(instance, 'gatepost_bodies_refused_total')) > 0), 'refused')
  t.ok((await metric(instance, 'gatepost_unfinished_body_bytes')) <= 8 * 2 ** 20)
  const during = good.kept
  t.ok(await until(() => good.kept > during + 20), 'records are stored meanwhile')
  t.ok(await until(async () => (await metric(instance, 'gatepost_unfinished_body_bytes')) === 0), 'and are let go')
  await good.stop()
  t.same(good.failures, [])
  await assertMemoryReturns(t, worker, before)
})
