import { join } from 'node:path'
import t from 'tap'
import { Instance } from '../../test/helpers/instance.ts'
import { runCli } from './run-cli.ts'

/* What an operator says of a gateway, against a running instance: from elsewhere it is not believed. */
t.test('a gateway with a registered source', { timeout: 120_000 }, async (t) => {
  const instance = await Instance.create(join(t.testdir(), 'data'), { GATEPOST_AUTH_MODE: 'open' })
  t.teardown(() => instance.destroy())
  await instance.start()
  const gateways = (...words: string[]) => runCli(['gateways', ...words], { GATEPOST_DATA_DIR: instance.dataDir })
  const get = async (target: string) => (await fetch(instance.url(target, instance.gatewayPort))).text()
  const ping = () => get('/ping/?gw_id=G&sys_uptime=1&sys_memfree=2&sys_load=0.1&wifidog_uptime=3')
  const counters = () =>
    get('/auth/?stage=counters&ip=10.0.0.5&mac=50:a6:7f:84:9c:d1&token=t&incoming=1&outgoing=1&gw_id=G')
  const followed = () => new Promise((resolve) => setTimeout(resolve, 2000))

  t.equal(await ping(), 'Pong')
  t.equal(await counters(), 'Auth: 1')
  const registered = await gateways(
    'register',
    'G',
    '--source',
    '192.0.2.0/24',
    '2001:db8::1',
    '--name',
    'Town hall',
    '--json',
  )
  t.same(JSON.parse(registered.stdout), {
    gw_id: 'G',
    address: '',
    sources: ['192.0.2.0/24', '2001:db8::1'],
    name: 'Town hall',
    location: '',
    routed: false,
  })
  await followed()
  t.equal(await ping(), 'Pong', 'a gateway without an answer would cut its users off')
  t.equal(await counters(), 'Auth: -1', 'nothing changes for anybody')
  await gateways('register', 'G', '--source', '127.0.0.0/8', '--name', 'Town hall')
  await followed()
  t.equal(await counters(), 'Auth: 1')
  await ping()
  const rows = await instance.queryUntil<{ trusted: number }>(
    'SELECT trusted FROM gateway_pings ORDER BY received_at',
    (found) => found.length === 3,
  )
  t.same(
    rows.map(({ trusted }) => trusted),
    [1, 0, 1],
  )
  t.same(await instance.query('SELECT own, auth_code FROM gateway_auth ORDER BY received_at'), [
    { own: 1, auth_code: 1 },
    { own: 0, auth_code: -1 },
    { own: 1, auth_code: 1 },
  ])
  t.match(JSON.parse((await gateways('--json')).stdout), [{ gw_id: 'G', name: 'Town hall' }])
  t.match(await gateways('unregister', 'G'), { status: 0 })
  t.match(await gateways('unregister', 'G'), { status: 1 })
  t.match(await gateways('register', 'G', '--source', 'town'), { status: 2, stderr: /town is neither an address nor/ })
  t.match(await gateways('register', 'G', '--address', 'x'), { status: 2, stderr: /--address x: not an IP address/ })
})
