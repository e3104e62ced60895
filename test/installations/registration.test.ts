import { join } from 'node:path'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { subjectsKnown } from '../helpers/subjects-known.ts'
import { runCommand } from '../../cli/test/run-cli.ts'

/* The registration of a gateway, against a running instance: requests from another source are not trusted. */
t.test('a gateway with a registered source', async (t) => {
  const instance = await Instance.create(join(t.testdir(), 'data'), { GATEPOST_AUTH_MODE: 'open' })
  t.teardown(() => instance.destroy())
  await instance.start()
  const gateways = (...words: string[]) => runCommand(['gateways', ...words], { GATEPOST_DATA_DIR: instance.dataDir })
  const get = async (target: string) => (await fetch(instance.url(target, instance.gatewayPort))).text()
  const ping = () => get('/ping/?gw_id=G&sys_uptime=1&sys_memfree=2&sys_load=0.1&wifidog_uptime=3')
  const counters = () =>
    get('/auth/?stage=counters&ip=10.0.0.5&mac=50:a6:7f:84:9c:d1&token=t&incoming=1&outgoing=1&gw_id=G')
  /** The same client's counters, as sent by gateways that report many clients at once. */
  const post = async (query: string, body: object) => {
    const url = instance.url(`/auth/?${query}`, instance.gatewayPort)
    const headers = { 'content-type': 'application/json' }
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).text()
  }
  const client = { id: 1, ip: '10.0.0.5', mac: '50:a6:7f:84:9c:d1', token: 't' }
  const wifidogNg = (incoming: number) =>
    post('gw_id=G&stage=counters', { counters: [{ ...client, uptime: 60, incoming, outgoing: 6 }] })
  const apfree = (incoming: number) =>
    post('stage=counters_v2', { gw_id: 'G', clients: [{ ...client, incoming, outgoing: 8, online_time: 60 }] })
  /** Waits until ingest knows all earlier decisions: writes a decision about one more subject. */
  let subjects = 1
  const followed = async () => {
    await runCommand(['access', 'deny', 'mac', `02:00:00:00:00:0${subjects}`], { GATEPOST_DATA_DIR: instance.dataDir })
    t.ok(await subjectsKnown(instance, ++subjects))
  }

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
  t.equal(await counters(), 'Auth: -1', 'no client is affected')
  t.equal(await wifidogNg(500), '{"resp":[]}', 'only denials are named')
  t.equal(await apfree(700), '{"gw_id":"G","auth_op":[{"id":1,"auth_code":-1}]}')
  const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.match(metrics, /^gatepost_untrusted_requests_total\{.*route="ping".*\} 1$/m)
  t.match(metrics, /^gatepost_untrusted_requests_total\{.*route="auth".*\} 3$/m)
  await gateways('register', 'G', '--source', '127.0.0.0/8', '--name', 'Town hall')
  await followed()
  t.equal(await counters(), 'Auth: 1')
  t.equal(await wifidogNg(5), '{"resp":[]}')
  t.equal(await apfree(7), '{"gw_id":"G","auth_op":[{"id":1,"auth_code":1}]}')
  await ping()
  const rows = await instance.queryUntil<{ trusted: number }>(
    'SELECT trusted FROM gateway_pings ORDER BY received_at',
    (found) => found.length === 3,
  )
  t.same(
    rows.map(({ trusted }) => trusted),
    [1, 0, 1],
  )
  const answered = 'SELECT own, auth_code FROM gateway_auth ORDER BY received_at'
  t.same(await instance.queryUntil(answered, (found) => found.length === 7), [
    { own: 1, auth_code: 1 },
    ...Array.from({ length: 3 }, () => ({ own: 0, auth_code: -1 })),
    ...Array.from({ length: 3 }, () => ({ own: 1, auth_code: 1 })),
  ])
  const [{ incoming }] = await instance.queryUntil<{ incoming: number }>(
    'SELECT toUInt32(incoming) AS incoming FROM sessions',
    (found) => found[0]?.incoming > 1,
  )
  t.equal(incoming, 7, 'requests from another source change no session')
  await gateways('register', 'G', '--source', '192.0.2.0/24', '--name', 'Town hall')
  await followed()
  for (const stage of ['counters', 'logout']) {
    const nameless = `/auth/?stage=${stage}&ip=10.0.0.5&mac=50:a6:7f:84:9c:d1&token=t&incoming=900&outgoing=900`
    t.equal(await get(nameless), 'Auth: -1', `${stage} without gw_id from another source`)
  }
  t.match(JSON.parse((await gateways('--json')).stdout), [{ gw_id: 'G', name: 'Town hall' }])
  t.match(await gateways('unregister', 'G'), { status: 0 })
  t.match(await gateways('unregister', 'G'), { status: 1 })
  t.match(await gateways('register', 'G', '--source', 'town'), { status: 2, stderr: /town is neither an address nor/ })
  t.match(await gateways('register', 'G', '--address', 'x'), { status: 2, stderr: /--address x: not an IP address/ })
})
