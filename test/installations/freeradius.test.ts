import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { RadiusServer } from '../helpers/freeradius.ts'
import { Instance } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'

/*
 * A real FreeRADIUS with Debian's stock sites and the files of deploy/freeradius/, real tunnels by eapol_test, and a real Gatepost.
 *
 * Symptom: PEAP and TTLS made two rows of each login, one with the person and one with the device, and none with the person after a
 * resumption; a right password was rejected, or took seconds, when Gatepost or a balancer in front of it answered anything but 204.
 * Root cause: inner tunnel and outer request each reported what they saw, and the login waited for the answer.
 */

const SECRET = 'secret-of-the-radius-server'
const USERS = `
alice@inner.example Cleartext-Password := "secret"
alicexyz Cleartext-Password := "secret"
	Reply-Message := "Hello alicexyz"
carol Cleartext-Password := "secret"
dave Cleartext-Password := "secret"
`
const COLUMNS =
  'username, ssl_username, mac, ap, site_ip, success, authentication_result, cert_name, cert_serial, cert_subject, cert_issuer, source, task_id, ssid, nas_ip, realm, eap_type, auth_method'

interface Login {
  [column: string]: string | number
}

async function servers(t: Test, more: Record<string, string> = {}) {
  const directory = t.testdir({ data: {}, radius: {} })
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_INGEST_CREDENTIALS: `radius-1:${SECRET}`,
    ...more,
  })
  t.teardown(() => instance.destroy())
  const options = { url: instance.url(''), secret: SECRET, users: USERS }
  const radius = await RadiusServer.create(t, join(directory, 'radius'), options)
  return radius === null ? null : { instance, radius }
}

t.test('one login is one row, with the person and the device', async (t) => {
  const both = await servers(t)
  if (both === null) return
  const { instance, radius } = both
  await instance.start()
  await radius.start()
  const anonymous = { identity: 'alice@inner.example', anonymous_identity: 'anonymous@outer.example' }
  const peap = { eap: 'PEAP', ...anonymous, phase2: 'auth=MSCHAPV2' }
  const ttls = { eap: 'TTLS', ...anonymous, phase2: 'auth=PAP' }
  const device = { client_cert: radius.file('client.pem'), private_key: radius.file('client.key') }
  const CERTIFICATE = {
    cert_name: 'device-7 "lab"',
    cert_serial: '4a1f',
    cert_subject: '/C=GB/CN=device-7 "lab"',
    cert_issuer: '/C=GB/CN=Test CA',
  }
  const cases: {
    name: string
    network: Record<string, string>
    resumptions?: number
    user: Login
    accepted: boolean
    method: string
  }[] = [
    {
      name: 'PEAP',
      network: { ...peap, password: 'secret' },
      resumptions: 2,
      user: {},
      method: 'PEAP/MSCHAPv2',
      accepted: true,
    },
    {
      name: 'PEAP, wrong password',
      network: { ...peap, password: 'wrong' },
      user: {},
      method: 'PEAP/MSCHAPv2',
      accepted: false,
    },
    {
      name: 'PEAP, unknown user',
      network: { ...peap, identity: 'nobody', password: 'secret' },
      user: { username: 'nobody', realm: '' },
      method: 'PEAP/MSCHAPv2',
      accepted: false,
    },
    {
      name: 'PEAP, no anonymous identity',
      network: { eap: 'PEAP', identity: 'carol', password: 'secret', phase2: 'auth=MSCHAPV2' },
      user: { username: 'carol', realm: '' },
      method: 'PEAP/MSCHAPv2',
      accepted: true,
    },
    {
      name: 'TTLS-PAP',
      network: { ...ttls, password: 'secret' },
      resumptions: 2,
      user: {},
      method: 'TTLS/PAP',
      accepted: true,
    },
    {
      name: 'TTLS-PAP, wrong password',
      network: { ...ttls, password: 'wrong' },
      user: {},
      method: 'TTLS/PAP',
      accepted: false,
    },
    {
      name: 'TTLS-PAP, unknown user',
      network: { ...ttls, identity: 'nobody', password: 'secret' },
      user: { username: 'nobody', realm: '' },
      method: 'TTLS/PAP',
      accepted: false,
    },
    {
      name: 'TTLS-MSCHAPv2',
      network: { ...ttls, phase2: 'auth=MSCHAPV2', password: 'secret' },
      resumptions: 1,
      user: {},
      method: 'TTLS/MSCHAPv2',
      accepted: true,
    },
    {
      name: 'TTLS-MSCHAPv2, wrong password',
      network: { ...ttls, phase2: 'auth=MSCHAPV2', password: 'wrong' },
      user: {},
      method: 'TTLS/MSCHAPv2',
      accepted: false,
    },
    {
      name: 'EAP-TLS',
      network: { eap: 'TLS', identity: 'host/device-7', ...device },
      resumptions: 2,
      user: { username: '', ssl_username: 'host/device-7', realm: '', ...CERTIFICATE },
      method: 'TLS',
      accepted: true,
    },
  ]
  const expected: Login[] = []
  for (const [index, { name, network, resumptions = 0, user, accepted, method }] of cases.entries()) {
    const mac = `50:a6:7f:84:9c:${(0xd0 + index).toString(16)}`
    const outcome = { result: accepted ? 'SUCCESS' : 'FAILURE', resumed: resumptions }
    t.same(await radius.eapLogin(network, mac, resumptions), outcome, name)
    const row: Login = {
      username: 'alice@inner.example',
      ssl_username: '',
      mac: mac.toUpperCase().replaceAll(':', '-'),
      ap: 'C4-13-E2-22-DC-55',
      site_ip: '127.0.0.1',
      success: accepted ? 1 : 0,
      authentication_result: accepted ? 'Access-Accept' : 'Access-Reject',
      cert_name: '',
      cert_serial: '',
      cert_subject: '',
      cert_issuer: '',
      source: 'radius-1',
      task_id: 'radius-1',
      ssid: 'GovWifi',
      nas_ip: '127.0.0.1',
      realm: 'inner.example',
      eap_type: method === 'TLS' ? 'EAP-TLS' : 'MSCHAP',
      auth_method: method,
      ...user,
    }
    for (let time = 0; time <= resumptions; time++) expected.push(row)
  }
  const read = `SELECT ${COLUMNS} FROM post_auth ORDER BY received_at`
  const rows = await instance.queryUntil<Login>(read, (found) => found.length >= expected.length)
  t.same(rows, expected)

  t.equal(await radius.login({ 'User-Name': 'alicexyz', 'User-Password': 'secret' }), 'Access-Accept')
  t.equal(await radius.login({ 'User-Name': 'b"\\x', 'User-Password': 'wrong' }), 'Access-Reject')
  t.equal(await radius.login({ 'User-Name': 'carol', 'User-Password': 'secret' }, '::1'), 'Access-Accept')
  const plain = await instance.queryUntil<Login>(
    `SELECT username, site_ip, authentication_reply, auth_method FROM post_auth WHERE mac = '' ORDER BY received_at`,
    (found) => found.length >= 3,
  )
  t.same(plain, [
    { username: 'alicexyz', site_ip: '127.0.0.1', authentication_reply: 'Hello alicexyz', auth_method: 'PAP' },
    { username: 'b"\\x', site_ip: '127.0.0.1', authentication_reply: '', auth_method: 'PAP' },
    { username: 'carol', site_ip: '::1', authentication_reply: '', auth_method: 'PAP' },
  ])
  t.same(await instance.query('SELECT * FROM dead_letters'), [])

  // The detail reader deletes a file with a line that is too long or that it cannot read, and with it the logins of others.
  const hostile = Buffer.concat([Buffer.from('%{User-Name}\n\n"\\\0'), Buffer.alloc(220, 0xe9)])
  const REJECT = 3
  const password = [2, Buffer.alloc(16)] as const
  t.equal(
    await radius.rawLogin([[1, hostile], password, ...[30, 31, 32, 87].map((type) => [type, hostile] as const)]),
    REJECT,
  )
  t.equal(await radius.login({ 'User-Name': 'dave', 'User-Password': 'secret' }), 'Access-Accept')
  const names = await instance.queryUntil<{ username: string }>(
    `SELECT left(username, 6) AS username FROM post_auth WHERE startsWith(username, '%{user') OR username = 'dave' ORDER BY received_at`,
    (found) => found.length >= 2,
  )
  t.same(names, [{ username: '%{user' }, { username: 'dave' }], 'no value of a login costs the logins of others')
  t.ok(await until(() => radius.waiting().length === 0))
})

t.test('what Gatepost answers decides no login, and no login is lost', async (t) => {
  const both = await servers(t)
  if (both === null) return
  const { instance, radius } = both
  const login = (name: string) => radius.login({ 'User-Name': name, 'User-Password': 'secret' })

  await radius.start()
  t.equal(await login('carol'), 'Access-Accept', 'it starts, and answers, while there is no Gatepost')
  t.equal(await login('dave'), 'Access-Accept')
  const decided = Date.now()
  await until(() => radius.readLog('gatepost.log').includes('waits in the detail file'))
  t.equal(radius.waiting().length > 0, true)
  t.notMatch(readFileSync(radius.file('raddb/gatepost.conf'), 'utf8'), 'secret = ""')

  await instance.start({ GATEPOST_INGEST_CREDENTIALS: 'radius-1:a-secret-that-it-does-not-have' })
  t.equal(await login('alicexyz'), 'Access-Accept', 'a wrong credential costs no login')
  t.ok(await until(() => /Gatepost answered 401/.test(radius.readLog('gatepost.log'))))
  t.match(instance.output, /refused a post-auth report from 127\.0\.0\.1: the credential is not known here/)
  t.same(await instance.query('SELECT * FROM post_auth'), [])
  await instance.stop()

  // A crash of the RADIUS server does not lose what waits either.
  await radius.kill()
  await radius.start()
  const started = Date.now()
  await instance.start()
  const rows = await instance.queryUntil<{ username: string; at: number }>(
    'SELECT username, toUnixTimestamp64Milli(received_at) AS at FROM post_auth ORDER BY received_at',
    (found) => found.length >= 3,
  )
  t.same(
    rows.map(({ username }) => username),
    ['carol', 'dave', 'alicexyz'],
    'in order',
  )
  t.ok(Number(rows[1].at) <= decided && Number(rows[2].at) < started, 'with the time of the login')
  t.ok(await until(() => radius.waiting().length === 0))

  // The same file once more: its entries were sent, and their answers lost.
  const spool = radius.file('log/radacct/gatepost')
  const entry = (name: string, id: string, time: number) =>
    `Sun Nov 29 00:00:00 2026\n\tTimestamp = ${Math.floor(time)}\n\tGatepost-Time = "${time}"\n\tGatepost-Report = "${id}"\n` +
    `\tGatepost-Username = "${name}"\n\tGatepost-Result = "Access-Accept"\n\n`
  const now = Date.now() / 1000
  const old = now - 60 * 24 * 3600
  const entries = [
    entry('again', 'a1', now - 60),
    entry('again', 'a1', now - 60),
    entry('old', 'b1', old),
    entry('last', 'c1', now),
  ]
  writeFileSync(join(spool, 'detail-20261129:00'), entries.join(''))
  const later = await instance.queryUntil<{ username: string }>(
    `SELECT username FROM post_auth WHERE username IN ('again', 'old', 'last') ORDER BY received_at`,
    (found) => found.some(({ username }) => username === 'last'),
  )
  t.same(
    later.map(({ username }) => username),
    ['again', 'last'],
    'a report that is sent twice is one login, and one that cannot be stored does not hold the others',
  )
  const letters = await instance.queryUntil(
    'SELECT source, reason, sender FROM dead_letters',
    (found) => found.length > 0,
  )
  t.same(letters, [{ source: 'post-auth', reason: 'too_old', sender: 'radius-1' }])
  t.match(radius.readLog('gatepost.log'), /not sent again: Gatepost answered 400 to report b1/)

  rmSync(spool, { recursive: true })
  writeFileSync(spool, 'a file where the directory belongs')
  t.equal(await login('carol'), 'Access-Accept', 'a login that cannot be written is answered')
  t.match(radius.readLog('gatepost.log'), /could not be written into the detail file/)
})

t.test('accounting: every packet is stored, with what its NAS says, and none is lost', async (t) => {
  const both = await servers(t)
  if (both === null) return
  const { instance, radius } = both
  await radius.start()
  const session = {
    'User-Name': 'Alice "A"@Example.ORG',
    'Acct-Session-Id': '5F3A-00000001',
    'Calling-Station-Id': '50-a6-7f-84-9c-d1',
    'Called-Station-Id': 'C4-13-E2-22-DC-55:Café guests',
    'NAS-Identifier': 'lobby',
    'NAS-IP-Address': '192.0.2.7',
    'NAS-Port-Id': 'wlan0',
    'Framed-IP-Address': '10.0.0.5',
  }
  const counters = { 'Acct-Input-Octets': '827770', 'Acct-Output-Octets': '5', 'Acct-Output-Gigawords': '1' }
  const nas = { 'NAS-Identifier': 'lobby', 'NAS-IP-Address': '192.0.2.7' }
  const packets: Record<string, string>[] = [
    { ...nas, 'Acct-Status-Type': 'Accounting-On', 'Acct-Session-Id': '00000000' },
    { ...session, 'Acct-Status-Type': 'Start' },
    { ...session, ...counters, 'Acct-Status-Type': 'Interim-Update', 'Acct-Session-Time': '60' },
    {
      ...session,
      ...counters,
      'Acct-Status-Type': 'Stop',
      'Acct-Session-Time': '120',
      'Acct-Terminate-Cause': 'User-Request',
      'Acct-Delay-Time': '30',
      'Framed-IPv6-Address': '2001:db8::5',
    },
    { ...nas, 'Acct-Status-Type': 'Accounting-Off', 'Acct-Session-Id': '00000000' },
    // No value of a packet costs the packets of others.
    {
      ...session,
      'Acct-Status-Type': 'Start',
      'User-Name': `"\\%{User-Name}&x=${'é'.repeat(110)}`,
      'Acct-Session-Id': `\\"&=${'é'.repeat(110)}`,
      'Acct-Multi-Session-Id': '%'.repeat(240),
      'NAS-Port-Id': '"'.repeat(240),
    },
    { ...session, 'Acct-Status-Type': 'Start', 'User-Name': 'last', 'Acct-Session-Id': 'last' },
  ]
  const sent = Date.now()
  t.equal(await radius.account(packets), packets.length, 'answered, while there is no Gatepost')
  t.ok(await until(() => radius.readLog('gatepost.log').includes('accounting waits in the detail file')))
  await radius.kill()
  const copies = radius.keepWaiting()
  await radius.start()
  await instance.start()
  const rows = await instance.queryUntil<Login>(
    `SELECT status_type, unique_id, acct_session_id, username, realm, mac, ap, ssid, site_ip, nas, nas_ip, nas_port_id, framed_ip, framed_ipv6,
       session_time, input_octets, output_octets, terminate_cause, delay_time, task_id, source,
       toUnixTimestamp64Milli(event_at) AS at
     FROM radius_accounting ORDER BY received_at, batch_id`,
    (found) => found.some(({ username }) => username === 'last'),
  )
  t.equal(rows.length, packets.length)
  const of = (status: string, user: string) =>
    rows.find(({ status_type, username }) => status_type === status && String(username).startsWith(user))
  const start = of('Start', 'alice') as Login
  const stop = of('Stop', 'alice') as Login
  t.match(start, {
    acct_session_id: '5F3A-00000001',
    username: 'alice "a"@example.org',
    realm: 'example.org',
    mac: '50-A6-7F-84-9C-D1',
    ap: 'C4-13-E2-22-DC-55',
    ssid: 'Café guests',
    site_ip: '127.0.0.1',
    nas: 'lobby',
    nas_ip: '192.0.2.7',
    nas_port_id: 'wlan0',
    framed_ip: '10.0.0.5',
    session_time: null,
    input_octets: null,
    task_id: 'radius-1',
    source: 'radius-1',
  })
  t.match(start['unique_id'], /^[0-9a-f]{16,}$/)
  t.match(stop, {
    unique_id: start['unique_id'],
    terminate_cause: 'User-Request',
    framed_ipv6: '2001:db8::5',
    delay_time: 30,
    session_time: 120,
    input_octets: 827770,
    output_octets: 2 ** 32 + 5,
  })
  t.ok(Math.abs(Number(stop['at']) - (sent - 30_000)) < 20_000, 'less the time for which the NAS had tried')
  t.match(of('Accounting-On', ''), { unique_id: '', nas: 'lobby' })
  t.match(of('Accounting-Off', ''), { unique_id: '', nas: 'lobby' })
  t.match(of('Start', '"\\'), { nas: 'lobby', nas_port_id: '' })
  t.same(await instance.query('SELECT * FROM dead_letters'), [])
  t.ok(await until(() => radius.waiting().length === 0))

  // What FreeRADIUS has sent is not stored again when its files are imported.
  const imported = await run(
    process.execPath,
    [instance.program, 'import', 'detail', '--json', '--source', 'radius-1', ...copies],
    {
      env: instance.env,
    },
  )
  t.equal(imported.status, 0, imported.stderr)
  const outcomes = JSON.parse(imported.stdout) as { rows: number; present: number }[]
  t.equal(
    outcomes.reduce((sum, { rows: added }) => sum + added, 0),
    0,
  )
  t.equal(
    outcomes.reduce((sum, { present }) => sum + present, 0),
    packets.length,
  )

  const sessions = await instance.query<Login>(
    `SELECT source, account, state, end_reason, gw_id, ip, toUInt32(incoming % 1000) AS incoming, outgoing, toUInt32(reports) AS reports
     FROM sessions WHERE account LIKE 'alice%'`,
  )
  t.match(sessions, [
    {
      source: 'radius',
      account: 'alice "a"@example.org',
      state: 'stopped',
      end_reason: 'User-Request',
      gw_id: 'lobby',
      ip: '10.0.0.5',
      incoming: (2 ** 32 + 5) % 1000,
      reports: 2,
    },
  ])

  // A login through a tunnel, with an anonymous outer name, and its session as the NAS knows it.
  const mac = '50:a6:7f:84:9c:ef'
  const network = { eap: 'PEAP', identity: 'alice@inner.example', anonymous_identity: 'anonymous@outer.example' }
  t.match(await radius.eapLogin({ ...network, phase2: 'auth=MSCHAPV2', password: 'secret' }, mac), {
    result: 'SUCCESS',
  })
  const own = {
    'User-Name': 'anonymous@outer.example',
    'Acct-Session-Id': 'of-alice',
    'Calling-Station-Id': mac,
    'NAS-IP-Address': '127.0.0.1',
  }
  const end = { ...counters, 'Acct-Status-Type': 'Stop', 'Acct-Session-Time': '60', 'Acct-Terminate-Cause': 'Lost-Carrier' } // prettier-ignore
  t.equal(
    await radius.account([
      { ...own, 'Acct-Status-Type': 'Start' },
      { ...own, ...end },
    ]),
    2,
  )
  await instance.queryUntil(`SELECT 1 FROM sessions WHERE end_reason = 'Lost-Carrier'`, (found) => found.length > 0)
  const logins = (...options: string[]) =>
    run(process.execPath, [instance.program, 'logins', '--user', 'alice@inner.example', ...options], {
      env: instance.env,
    })
  t.match(JSON.parse((await logins('--json')).stdout), {
    logins: [
      {
        auth_method: 'PEAP/MSCHAPv2',
        session: { gw_id: '127.0.0.1', state: 'stopped', end_reason: 'Lost-Carrier', outgoing: 827770 },
      },
    ],
  })
  t.match(
    (await logins()).stdout,
    /session +incoming +outgoing\n.*PEAP\/MSCHAPv2 +accepted .*Lost-Carrier 20[-\d]+ [:\d]+ +4294967301 +827770$/m,
  )
  const sessionsOf = await run(process.execPath, [instance.program, 'sessions', '--mac', mac, '--json'], {
    env: instance.env,
  })
  t.match(JSON.parse(sessionsOf.stdout), [
    {
      account: 'anonymous@outer.example',
      login: { username: 'alice@inner.example', authentication_result: 'Access-Accept' },
    },
  ])
})

t.test('the steps of the image for a try', async (t) => {
  const both = await servers(t)
  if (both === null) return
  const { instance, radius } = both
  const steps = await run(packageFile('deploy/docker/freeradius-for-a-try'), [radius.file('raddb')])
  t.equal(steps.status, 0, steps.stderr)
  const conf = radius.file('raddb/gatepost.conf')
  writeFileSync(
    conf,
    readFileSync(conf, 'utf8').replace(`secret = "${SECRET}"`, 'secret = "$ENV{RADIUS_REPORT_SECRET}"'),
  )
  const set = {
    RADIUS_REPORT_SECRET: SECRET,
    RADIUS_CLIENT_SECRET: 'a secret',
    RADIUS_ALICE_PASSWORD: 'her password',
  }
  Object.assign(process.env, set)
  t.teardown(() => Object.keys(set).forEach((name) => delete process.env[name]))
  await instance.start()
  await radius.start()
  t.equal(await radius.login({ 'User-Name': 'alice', 'User-Password': 'her password' }), 'Access-Accept')
  t.equal(await radius.login({ 'User-Name': 'alice', 'User-Password': 'another' }), 'Access-Reject')
  const stored = await instance.queryUntil<{ username: string; success: number }>(
    'SELECT username, success FROM post_auth ORDER BY success',
    (rows) => rows.length === 2,
  )
  t.same(stored, [{ username: 'alice', success: 0 }, { username: 'alice', success: 1 }]) // prettier-ignore
})
