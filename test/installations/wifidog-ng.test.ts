import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { Instance } from '../helpers/instance.ts'

/* What wifidog-ng 1.5.6 and 2.0.0 sent to a real instance, byte for byte. The kernel module was stood in for; what speaks HTTP is the programs'. */

const capture = (version: string, name: string) =>
  readFileSync(packageFile(`test/fixtures/wifidog-ng-${version}/${name}.http`))

/** Sends bytes on a new connection, and reads a whole answer. Like these gateways, it does not wait until the server closes. */
function answerTo(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      const [head, body] = answer.split('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
      if (body === undefined || body.length < length) return
      socket.destroy()
      resolve(body)
    })
    socket.once('error', reject)
    socket.once('end', () => reject(new Error(`no answer: ${answer}`)))
  })
}

t.test('requests of wifidog-ng', async (t) => {
  const instance = await Instance.create(t.testdir(), { GATEPOST_AUTH_MODE: 'open' })
  t.teardown(() => instance.destroy())
  await instance.start()
  const sent = (version: string, name: string) => answerTo(instance.gatewayPort, capture(version, name))

  // 1.5 compares the whole body, and reads the code from its first byte.
  t.equal(await sent('1.5.6', 'ping'), 'Pong')
  t.equal(await sent('1.5.6', 'auth-login'), 'Auth: 1')
  t.equal(await sent('1.5.6', 'counters-no-client'), '{"resp":[]}')
  t.equal(await sent('1.5.6', 'counters-one-client'), '{"resp":[]}')
  t.equal(await sent('2.0.0', 'ping'), 'Pong')
  t.equal(await sent('2.0.0', 'auth-login'), 'Auth: 1')
  t.equal(await sent('2.0.0', 'auth-logout'), 'Auth: 0')
  t.equal(await sent('2.0.0', 'auth-roam'), 'Auth: -1', 'roaming is off')

  const pings = await instance.queryUntil<Record<string, unknown>>(
    'SELECT gw_id, sys_uptime, sys_memfree, sys_load, user_agent, extra FROM gateway_pings ORDER BY received_at, batch_index',
    (rows) => rows.length >= 2,
  )
  const ofVersion = (version: string, userAgent: string) => {
    const [, uptime, free, load] = /sys_uptime=(\d+)&sys_memfree=(\d+)&sys_load=(\d+)/.exec(
      capture(version, 'ping').toString(),
    ) as RegExpExecArray
    const units = { sys_memfree: Number(free) / 1024, sys_load: Number(load) / 65_536 }
    const extra = { sys_memfree: free, sys_load: load }
    return { gw_id: '001217DA42D2', sys_uptime: Number(uptime), ...units, user_agent: userAgent, extra }
  }
  t.same(pings, [ofVersion('1.5.6', ''), ofVersion('2.0.0', 'LuaSocket 3.0.0')])

  const reports = await instance.queryUntil<Record<string, unknown>>(
    `SELECT stage, incoming, outgoing, auth_code, extra FROM gateway_auth
     WHERE gw_id = '001217DA42D2' AND mac = 'AE-41-77-80-76-90' AND ip = '192.168.77.10' ORDER BY received_at, batch_index`,
    (rows) => rows.length >= 4,
  )
  const none = { incoming: null, outgoing: null, extra: {} }
  t.same(reports, [
    { stage: 'login', ...none, auth_code: 1 },
    { stage: 'counters', incoming: 664105, outgoing: 742413, auth_code: 1, extra: { uptime: '0' } },
    { stage: 'login', ...none, auth_code: 1 },
    { stage: 'logout', ...none, auth_code: 0 },
  ])
  t.same(
    await instance.queryUntil('SELECT reason FROM dead_letters', (rows) => rows.length >= 1),
    [{ reason: 'unknown_stage' }],
    'roaming is off',
  )
})
