import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pino } from 'pino'
import { FileAccessLog } from '../../access/journal-log.ts'
import { clickThrough, FleetGateway } from '../helpers/gateway-fleet.ts'
import { Instance } from '../helpers/instance.ts'
import { until } from '../helpers/until.ts'

/* Quotas as a gateway, its client, and an SQL user see them. */
t.test('a client uses up its quota', async (t) => {
  const directory = t.testdir()
  const policies = join(directory, 'policies.yaml')
  writeFileSync(
    policies,
    `policies:
  - name: ten-megabytes
    deny: session
    limit: 10 MB
    unit: bytes
    for: 1h
    sql: SELECT session_id AS subject, incoming + outgoing AS used FROM gatepost.sessions WHERE state = 'active'
`,
  )
  const instance = await Instance.create(join(directory, 'data'), { GATEPOST_POLICIES: policies })
  t.teardown(() => instance.destroy())
  await instance.start()
  const page = async (path: string) => {
    const response = await fetch(instance.url(path, instance.gatewayPort))
    return (await response.text()).replace(/\u00a0|\u202f/g, ' ')
  }
  const gateway = new FleetGateway('quota-gateway', instance.gatewayPort)
  await gateway.ping()
  const [greedy, frugal] = ['02:00:00:00:00:01', '02:00:00:00:00:02']
  for (const mac of [greedy, frugal]) {
    const token = await clickThrough(instance.gatewayPort, gateway, mac, '192.168.77.11')
    t.equal(await gateway.login(mac, '192.168.77.11', token), 1)
  }
  const tokenOf = (mac: string) => gateway.clients.get(mac)?.token as string
  const token = tokenOf(greedy)

  gateway.traffic(greedy, 4_000_000, 0)
  gateway.traffic(frugal, 1000, 0)
  await gateway.interval()
  let welcome = ''
  await until(async () => {
    welcome = await page(`/portal/?gw_id=${gateway.id}&mac=${greedy}&token=${token}`)
    return welcome.includes('Data left')
  })
  t.match(welcome, /Data left: about 6 MB/)
  t.notMatch(await page(`/portal/?gw_id=${gateway.id}&mac=${frugal}&token=${tokenOf(frugal)}`), /Data left/)

  gateway.traffic(greedy, 7_000_000, 0)
  const isCutOff = async () => {
    gateway.traffic(frugal, 1, 0)
    gateway.traffic(greedy, 1, 0)
    await gateway.interval()
    return !gateway.passes(greedy)
  }
  t.ok(await until(isCutOff, 500), 'the client is cut off with the next report')
  t.ok(gateway.passes(frugal))
  t.match(
    await page(`/gw_message.php?message=denied&mac=${greedy}&token=${token}`),
    /Reason: the limit for this network is used up/,
  )

  t.match(await instance.query('SELECT * FROM access_control'), [
    { subject: /^session:/, verdict: 'deny', reason: 'quota:ten-megabytes', until: /^20/, updated_at: /^20/ },
  ])
  const sql = `SELECT state, end_reason FROM sessions ORDER BY incoming DESC`
  const rows = await instance.queryUntil<{ end_reason: string | null }>(sql, ([{ end_reason }]) =>
    /:/.test(end_reason ?? ''),
  )
  t.same(rows, [
    { state: 'denied', end_reason: 'quota:ten-megabytes' },
    { state: 'active', end_reason: null },
  ])
  const access = await FileAccessLog.open(instance.dataDir, pino({ level: 'silent' }))
  t.teardown(() => access.close())
  const abuse = { verdict: 'deny', reason: 'abuse', until: null, updatedAt: Date.now() } as const
  await access.put('mac:02-00-00-00-00-02', abuse)
  const isDenied = async () => {
    await gateway.interval()
    return !gateway.passes(frugal)
  }
  t.ok(await until(isDenied))
  const reasons = await instance.queryUntil<{ end_reason: string | null }>(sql, (both) =>
    both.every(({ end_reason }) => end_reason !== null && end_reason !== 'denied'),
  )
  t.same(
    reasons.map(({ end_reason }) => end_reason),
    ['quota:ten-megabytes', 'revoked'],
  )
  const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.match(metrics, /^gatepost_policy_denials_total\{policy="ten-megabytes",process="store"\} 1$/m)
  t.match(metrics, /^gatepost_access_table_waiting\{process="store"\} 0$/m)

  writeFileSync(policies, 'policies: [{name: x, deny: mac, limit: 1}]')
  await instance.stop()
  t.match(await instance.refused(), { status: 2, output: /GATEPOST_POLICIES=.*policies\.0\.sql: / })
})
