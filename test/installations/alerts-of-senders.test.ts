import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { watchAlerts } from '../helpers/alerts.ts'
import { makeCertificate } from '../helpers/certificate.ts'
import { FleetGateway, logIn, signUp } from '../helpers/gateway-fleet.ts'
import { Instance } from '../helpers/instance.ts'
import { startMailServer } from '../helpers/mail-server.ts'
import { gatepost } from '../helpers/mixes.ts'
import { withoutPrometheus } from '../helpers/prometheus.ts'
import { until } from '../helpers/until.ts'

/* Alerts about senders, guests and the services that Gatepost depends on, each raised on a real Prometheus by the fault that it is for. */

const missing = await withoutPrometheus()
const options = missing === null ? {} : { skip: missing }
const PASSWORD = 'a password of the test'

t.test('senders, guests and services', options, async (t) => {
  const directory = t.testdir({ backups: {}, 'locations.csv': 'ip,location_id,name\n192.0.2.1,1,Town hall\n' })
  const { cert, key } = makeCertificate(directory, 'dashboard')
  const silent = createSocket('udp4')
  silent.bind(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  writeFileSync(
    join(directory, 'dae.yaml'),
    `disconnect: [{nas: lobby, address: 127.0.0.1, port: ${silent.address().port}, secret: testing123}]`,
  )
  writeFileSync(
    join(directory, 'policies.yaml'),
    'policies: [{name: broken, deny: session, limit: 1 MB, unit: bytes, for: 1h, sql: "SELECT toString(1) AS subject, throwIf(1) AS used"}]',
  )
  const mail = await startMailServer(t, 'all')
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_WORKERS: '1',
    GATEPOST_LOGIN: 'account,voucher,oidc',
    GATEPOST_PORTAL_URL: 'http://wifi.example.org/wifidog',
    // Nobody listens there.
    GATEPOST_OIDC_ISSUER: 'http://127.0.0.1:9/',
    GATEPOST_OIDC_CLIENT_ID: 'gatepost',
    GATEPOST_OIDC_CLIENT_SECRET: PASSWORD,
    GATEPOST_SMTP_URL: mail.url,
    GATEPOST_SMTP_FROM: 'wifi@example.org',
    GATEPOST_TLS_CERT: cert,
    GATEPOST_TLS_KEY: key,
    GATEPOST_TLS_LISTENERS: 'dashboard',
    GATEPOST_IP_LOCATIONS_URL: join(directory, 'locations.csv'),
    GATEPOST_IP_LOCATIONS_EVERY: '60s',
    GATEPOST_ALERT_URL: 'http://127.0.0.1:9/',
    GATEPOST_POLICIES: join(directory, 'policies.yaml'),
    GATEPOST_RADIUS_DAE: join(directory, 'dae.yaml'),
    GATEPOST_BACKUP_TO: join(directory, 'backups'),
    GATEPOST_BACKUP_EVERY: '1m',
    GATEPOST_INGEST_CREDENTIALS: 'radius-1:0123456789abcdef',
    GATEPOST_DASHBOARD_PASSWORD: PASSWORD,
    GATEPOST_SQL_PASSWORD: PASSWORD,
    GATEPOST_SQL_ADMIN_PASSWORD: PASSWORD,
    GATEPOST_MAX_CONNECTIONS: '16',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const raises = await watchAlerts(t, instance)
  const sql = (query: string, user = 'admin', password = PASSWORD) =>
    fetch(instance.url('/', instance.sqlPort), {
      method: 'POST',
      body: query,
      headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
    })
  const report = (path: string, body: unknown, secret = '0123456789abcdef') =>
    fetch(instance.url(path), {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { Authorization: `Basic ${Buffer.from(`radius-1:${secret}`).toString('base64')}` },
    })

  await raises('GatepostCertificateExpires')
  writeFileSync(cert, 'no certificate')
  process.kill(instance.pid, 'SIGHUP')
  await raises('GatepostCertificateNotRead')

  const login = { username: 'alice', authentication_result: 'Access-Accept' }
  t.equal((await report('/logging/post-auth', login, 'wrong-wrong-wrong')).status, 401)
  await raises('GatepostReportsRefused')
  for (let count = 0; count < 5; count++) await report('/logging/post-auth', { username: 'alice' })
  await raises('GatepostDeadLetters')

  const idle: Socket[] = []
  t.teardown(() => idle.forEach((socket) => socket.destroy()))
  for (let count = 0; count < 8; count++) idle.push(connect(instance.gatewayPort, '127.0.0.1').on('error', () => {}))
  await raises('GatepostConnectionsRefused')
  idle.forEach((socket) => socket.destroy())

  // The first of each went well: what is done again at once fails now.
  writeFileSync(join(directory, 'locations.csv'), 'nothing')
  rmSync(join(directory, 'backups'), { recursive: true })
  writeFileSync(join(directory, 'backups'), 'no directory')
  await raises('GatepostLocationsOld')
  await raises('GatepostPolicyFails')
  await raises('GatepostBackupFails')
  await raises('GatepostBackupOld')

  const gateway = new FleetGateway('of-the-alerts', instance.gatewayPort)
  const visitor = { port: instance.gatewayPort, gateway, mac: '02:00:00:00:00:01', ip: '192.168.77.11' }
  await signUp(visitor, 'guest@example.org')
  await raises('GatepostMailsGivenUp')
  for (let count = 0; count < 40; count++)
    await logIn(visitor, { method: 'voucher', voucher: 'AAAA-BBBB-CCCC' }).catch(() => {})
  await raises('GatepostPortalLimits')
  const leaving = `gw_address=192.168.77.1&gw_port=2060&gw_id=${gateway.id}&mac=${visitor.mac}&start=oidc`
  for (let count = 0; count < 10; count++) {
    const page = await fetch(instance.url(`/wifidog/login/?${leaving}`, instance.gatewayPort))
    t.equal(page.status, 503)
    await page.text()
  }
  await raises('GatepostPortalLoginsUnavailable')

  const packet = { acct_status_type: 'Start', acct_session_id: '5F3A-1', nas_identifier: 'lobby', username: 'bob' }
  t.equal((await report('/logging/accounting', packet)).status, 204)
  t.equal((await gatepost(instance, 'access', 'deny', 'account', 'bob')).status, 0)
  await raises('GatepostRadiusDisconnects')

  const beat = (name: string, secondsAgo: number, address: string, uptime: number) =>
    sql(
      `INSERT INTO gatepost.gateway_pings (received_at, gw_id, sys_uptime, wifidog_uptime, remote_ip, trusted, batch_id)
       SELECT now64(3, 'UTC') - ${secondsAgo}, '${name}', ${uptime}, ${uptime}, '${address}', 1, generateUUIDv4()`,
    )
  const inserted = await beat('gone', 3600, '192.0.2.1', 5)
  t.equal(inserted.status, 200, await inserted.text())
  await raises('GatepostGatewaysDown')
  for (let round = 0; round < 12; round++) {
    await beat('default', 720 - round * 60, '192.0.2.1', 10_000 + round * 60)
    await beat('default', 690 - round * 60, '192.0.2.2', 90_000 + round * 60)
  }
  await raises('GatepostGatewaysSameId')
  // Which it cannot tell anybody.
  await raises('GatepostAlertsNotSent')

  for (let count = 0; count < 15; count++) await sql('SELECT 1', 'default', 'wrong')
  await raises('GatepostGuesses')
  t.ok(await until(async () => (await sql('SELECT 1', 'default')).ok, 500), 'a minute later the right one is taken')
  // One call of a function, which the engine does not interrupt.
  void sql('SELECT arrayLevenshteinDistance(range(200000), arrayMap(x -> x + 1, range(200000)))', 'default').catch(
    () => {},
  )
  await raises('GatepostQueryOverdue')
})
