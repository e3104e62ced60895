import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../../test/helpers/until.ts'
import { startHarness, query } from './harness.ts'

/* A result is sent no faster than its client reads, and it holds a slot until it is sent. */
const limits = { maxExecutionSeconds: 1, overdueSeconds: 1, readConnections: 1, maxQueuedSeconds: 20 }
const harness = await startHarness({ limits })
t.teardown(() => harness.close())
const { url, endpoint } = harness

/** Asks, and then reads a little every 50 ms, for ever. */
function readSlowly(sql: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(
    `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${Buffer.byteLength(sql)}\r\nConnection: close\r\n\r\n${sql}`,
  )
  void (async () => {
    for (; !socket.destroyed; await sleep(50)) socket.read(16_384)
  })()
  return socket
}

const LARGE = `SELECT repeat('x', 1000) AS x FROM numbers(60000)`
/** Sent in one piece: the engine has done its part when the first byte is sent. */
const WHOLE = `${LARGE} FORMAT JSON`
const leaseMs = (limits.maxExecutionSeconds + limits.overdueSeconds) * 1000

t.test('a result that is streamed ends at the time limit of its query, read or not', async (t) => {
  const reader = readSlowly(LARGE)
  t.teardown(() => reader.destroy())
  t.ok(await until(() => endpoint.stats().active === 1))
  t.match(await query(url, 'SELECT 1'), { status: 200, text: '1\n' })
  const { failed, slow } = endpoint.stats()
  // Where the machine is busy it may be built in one piece, and ends with the lease.
  t.equal(failed + slow, 1)
})

t.test('whoever reads a whole result slowly loses the slot once another waits', async (t) => {
  const { slow } = endpoint.stats()
  const reader = readSlowly(WHOLE)
  t.teardown(() => reader.destroy())
  t.ok(await until(() => endpoint.stats().active === 1))
  await sleep(leaseMs + 500)
  t.match(endpoint.stats(), { active: 1, slow }, 'it may go on while nobody waits')
  t.match(await query(url, 'SELECT 1'), { status: 200, text: '1\n' }, 'the slot serves the next')
  t.match(endpoint.stats(), { active: 0, slow: slow + 1 })
})

t.test('one that waits already takes the slot as soon as its time is over', async (t) => {
  const { slow } = endpoint.stats()
  const reader = readSlowly(WHOLE)
  t.teardown(() => reader.destroy())
  t.ok(await until(() => endpoint.stats().active === 1))
  t.match(await query(url, 'SELECT 1'), { status: 200, text: '1\n' })
  t.match(endpoint.stats(), { active: 0, slow: slow + 1 })
})

t.test('who reads at once is served whole', async (t) => {
  const { slow } = endpoint.stats()
  const fast = await query(url, `SELECT repeat('x', 1000) FROM numbers(1000)`)
  t.match(fast, { status: 200, complete: true })
  t.equal(fast.body.length, 1_001_000)
  t.equal(endpoint.stats().slow, slow)
})
