import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { until } from '../../../test/helpers/until.ts'
import { privateServer } from '../private-server.ts'

t.test('idle connections of one address leave the metrics to others', async (t) => {
  const server = privateServer({ processes: [], dataDir: null, ready: () => true, draining: () => false })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const idle: Socket[] = []
  t.teardown(() => {
    for (const socket of idle) socket.destroy()
    server.close()
    server.closeAllConnections()
  })
  for (let count = 0; count < 200; count++) {
    idle.push(connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }).on('error', () => undefined))
  }
  t.ok(await until(() => idle.filter(({ closed }) => closed).length >= 200 - 32))
  const response = await fetch(`http://127.0.0.1:${port}/healthz`)
  t.equal(await response.text(), 'ok\n')
})
