import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { NAS_SECRET, RadiusNas } from '../helpers/radius-nas.ts'
import { until } from '../helpers/until.ts'

/* A policy ends a RADIUS session: accounting as a RADIUS server sends it, a whole Gatepost, and a real FreeRADIUS as its NAS. */

const POLICIES = `policies:
  - name: ten-megabytes
    deny: account
    limit: 10 MB
    unit: bytes
    sql: SELECT account AS subject, sum(incoming + outgoing) AS used FROM gatepost.session_traffic WHERE account != '' GROUP BY account
`

t.test('a session that is over its quota is ended by its NAS', async (t) => {
  const directory = t.testdir({ nas: {}, data: {}, 'policies.yaml': POLICIES, secret: `${NAS_SECRET}\n` })
  const nas = await RadiusNas.start(t, join(directory, 'nas'))
  if (nas === null) return
  const dae = join(directory, 'dae.yaml')
  const entry = `{nas: lobby, networks: [127.0.0.0/8], port: ${nas.port}, secret_file: secret}`
  writeFileSync(dae, `disconnect:\n  - ${entry}\n`)
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_POLICIES: join(directory, 'policies.yaml'),
    GATEPOST_RADIUS_DAE: dae,
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const account = async (user: string, status: string, seconds: number, octets: number, more: object = {}) => {
    const packet = {
      acct_status_type: status,
      acct_unique_session_id: `unique-${user}`,
      acct_session_id: `session-${user}`,
      username: user,
      mac: '50-A6-7F-84-9C-D1',
      nas_identifier: 'lobby',
      nas_ip: '192.0.2.7',
      site_ip_address: '127.0.0.1',
      acct_session_time: seconds,
      acct_output_octets: octets,
      ...more,
    }
    const answer = await fetch(instance.url('/logging/accounting'), { method: 'POST', body: JSON.stringify(packet) })
    t.equal(answer.status, 204)
  }
  await account('frugal', 'Interim-Update', 60, 1_000_000, { mac: '50-A6-7F-84-9C-D2' })
  await account('greedy', 'Start', 0, 0)
  await account('greedy', 'Interim-Update', 60, 11_000_000)
  t.ok(await until(() => nas.received().length > 0), 'the NAS is asked')
  const rows = await instance.queryUntil(
    'SELECT nas, unique_id, reason, address, outcome, error_cause FROM radius_disconnects',
    (found) => found.length > 0,
  )
  t.same(rows, [
    {
      nas: 'lobby',
      unique_id: 'unique-greedy',
      reason: 'quota:ten-megabytes',
      address: `127.0.0.1:${nas.port}`,
      outcome: 'ack',
      error_cause: null,
    },
  ])
  t.match(nas.received()[0], /Acct-Session-Id = "session-greedy"/)
  t.match(nas.received()[0], /NAS-IP-Address = 192\.0\.2\.7/)

  // Then it tells the end, as RFC 5176 says (Acct-Terminate-Cause: Admin-Reset).
  await account('greedy', 'Stop', 70, 11_000_100, { acct_terminate_cause: 'Admin-Reset' })
  const sessions = await instance.queryUntil<{ state: string }>(
    'SELECT account, state, end_reason FROM sessions ORDER BY account DESC',
    (found) => found.some(({ state }) => state === 'stopped'),
  )
  t.same(sessions, [
    { account: 'greedy', state: 'stopped', end_reason: 'Admin-Reset' },
    { account: 'frugal', state: 'active', end_reason: null },
  ])
  const metrics = async () => (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  const value = (outcome: string, count: number) =>
    new RegExp(`^gatepost_radius_disconnects_total\\{outcome="${outcome}",process="store"\\} ${count}$`, 'm')
  t.match(await metrics(), value('ack', 1))
  t.match(await metrics(), value('unanswered', 0))
  t.ok(
    await until(async () =>
      /^gatepost_radius_denied_sessions\{nas="reachable",process="store"\} 0$/m.test(await metrics()),
    ),
    'nothing is left to end',
  )

  // The account comes back: it is still denied.
  await account('greedy', 'Start', 0, 0, { acct_unique_session_id: 'unique-again', acct_session_id: 'session-again' })
  t.ok(await until(() => nas.received().some((text) => text.includes('session-again'))), 'and so is its next session')
  t.notMatch(nas.received().join(''), /session-frugal/)
  t.notMatch(instance.output, NAS_SECRET)

  writeFileSync(dae, 'disconnect: [{nas: lobby, address: 192.0.2.7, secret: short}]')
  await instance.stop()
  t.match(await instance.refused(), { status: 2, output: /GATEPOST_RADIUS_DAE=.*disconnect\.0\.secret: / })
})
