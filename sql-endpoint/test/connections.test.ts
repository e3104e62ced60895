import { connect, type Socket } from 'node:net'
import t from 'tap'
import { query, startHarness } from './harness.ts'

t.test('one address holds few connections', async (t) => {
  const few = await startHarness({ limits: { maxSocketsPerAddress: 20 } })
  const sockets: Socket[] = []
  let closed = 0
  await Promise.all(
    Array.from(
      { length: 50 },
      () =>
        new Promise<void>((resolve) => {
          const socket = connect(few.endpoint.port, '127.0.0.1', resolve)
          socket.on('error', () => undefined)
          socket.on('close', () => closed++)
          sockets.push(socket)
        }),
    ),
  )
  while (closed < 30) await new Promise((resolve) => setTimeout(resolve, 10))
  t.same(few.endpoint.stats().connectionsRefused, { total: 0, address: 30 })
  for (const socket of sockets) socket.destroy()
  while (closed < 50) await new Promise((resolve) => setTimeout(resolve, 10))
  t.equal((await query(few.url, 'SELECT 1')).text, '1\n')
  await few.close()
})
