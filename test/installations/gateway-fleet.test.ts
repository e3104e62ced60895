import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { Tokens } from '../../access/token.ts'
import { normalMac } from '../../common/mac.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import { clickThrough, FleetGateway, signUp } from '../helpers/gateway-fleet.ts'
import { Instance } from '../helpers/instance.ts'
import { startMailServer } from '../helpers/mail-server.ts'
import { until } from '../helpers/until.ts'

/*
 * Hundreds of clients have whole sessions at gateways that behave like real ones, against a real instance. The view `sessions` must show
 * what the gateways did.
 */
const SECRET = 'the secret of the fleet test'
const GATEWAYS = 6
const KINDS = 11
const CLIENTS = GATEWAYS * KINDS * 4
/** One at each gateway: the hashes of more sign-ups would fill a busy machine's validation time. The others of their kind stay online. */
const SIGN_UPS = GATEWAYS * KINDS
/** While nothing happens except that time passes. */
const WAITING_INTERVAL_MS = 4000
/** Enough time for clients that sign up to be confirmed, or to report twice, on a busy machine. */
const VALIDATION_TIME = '60s'
const QUOTA_BYTES = 1_000_000_000
const POLICIES = `policies:
  - name: session-bytes
    deny: session
    limit: ${QUOTA_BYTES}
    unit: bytes
    for: 1h
    sql: SELECT session_id AS subject, incoming + outgoing AS used FROM gatepost.sessions WHERE state IN ('active', 'validating')
`

function kindOf(index: number): number {
  const kind = Math.floor(index / GATEWAYS) % KINDS
  return (kind === 7 || kind === 8) && index >= SIGN_UPS ? 5 : kind
}

interface Expected {
  readonly state: string
  readonly incoming: number
  readonly outgoing: number
}

const logger = createLogger('fleet-test')
logger.level = 'silent'
const tokens = new Tokens([SECRET])

t.test('the sessions of a fleet', async (t) => {
  const mail = await startMailServer(t)
  const directory = t.testdir()
  const policies = join(directory, 'policies.yaml')
  writeFileSync(policies, POLICIES)
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_SECRET: SECRET,
    GATEPOST_LOGIN: 'click,account',
    GATEPOST_SMTP_URL: mail.url,
    GATEPOST_SMTP_FROM: 'wifi@example.org',
    GATEPOST_VALIDATION_TIME: VALIDATION_TIME,
    GATEPOST_POLICIES: policies,
    GATEPOST_ROAMING: 'on',
    // Each gateway has an address, by which its clients' attempts are counted.
    GATEPOST_TRUSTED_PROXIES: '127.0.0.1',
    // For an interval of seconds: on a busy machine a late gateway is not down.
    GATEPOST_SESSION_TIMEOUT_INTERVALS: '100',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const access = await FileAccessLog.open(instance.dataDir, logger)
  t.teardown(() => access.close())
  const gateways = Array.from(
    { length: GATEWAYS },
    (_, index) => new FleetGateway(`fleet-${index}`, instance.gatewayPort, `198.51.100.${index + 1}`),
  )
  // Only a gateway with registered sources may ask for tokens of clients without one.
  for (const { id, address } of gateways) {
    const registration = { address: '', routed: false, sources: [address] }
    const entry = { verdict: 'allow', reason: '', until: null, updatedAt: Date.now(), data: registration } as const
    await access.put(`registration:${id}`, entry)
  }
  for (const gateway of gateways) await gateway.ping()
  t.ok(gateways.every(({ open }) => open))

  const ledger = new Map<string, Expected>()
  const expect = (of: { index: number }, token: string, state: string, incoming: number, outgoing: number) =>
    ledger.set(tokens.verify(token, normalMac(macOf(of.index)))?.sessionId as string, { state, incoming, outgoing })
  const macOf = (index: number) =>
    `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index % 256).toString(16).padStart(2, '0')}`
  const ipOf = (index: number) => `192.168.77.${10 + (index % 200)}`

  // All clients log in, except those that never come back with their token.
  const lives = Array.from({ length: CLIENTS }, (_, index) => ({
    index,
    mac: macOf(index),
    ip: ipOf(index),
    gateway: gateways[index % GATEWAYS],
    kind: kindOf(index),
    token: '',
    /** At the gateway to which it went. */
    later: '',
  }))
  const address = ({ index }: { index: number }) => `client-${index}@example.org`
  // Clients that never confirm come last: their time begins, and their first reports have to arrive before it is over.
  for (const life of [...lives.filter(({ kind }) => kind !== 8), ...lives.filter(({ kind }) => kind === 8)]) {
    const { gateway, mac, ip, kind } = life
    if (kind === 7 || kind === 8) {
      // They sign up, and may go online for the validation time.
      const { token, confirm } = await signUp({ port: instance.gatewayPort, gateway, mac, ip }, address(life))
      life.token = token
      t.equal(await gateway.login(mac, ip, token), 5)
      if (kind === 7) await confirm(await mail.codeFor(address(life)))
      continue
    }
    life.token = await clickThrough(instance.gatewayPort, gateway, mac, ip)
    if (kind === 6) expect(life, life.token, 'issued', 0, 0)
    else t.equal(await gateway.login(mac, ip, life.token), 1)
  }
  const online = lives.filter(({ kind }) => kind !== 6)
  t.ok(online.every(({ gateway, mac }) => gateway.passes(mac)))

  // Two intervals of traffic for all of them.
  const report = () => Promise.all(gateways.map((gateway) => gateway.interval()))
  for (const round of [1, 2]) {
    for (const { gateway, mac, index } of online) gateway.traffic(mac, 1000 * round + index, 10 * round)
    await report()
  }
  const incoming = (index: number) => 3000 + 2 * index
  const of = (kind: number) => lives.filter((life) => life.kind === kind)

  // 0: they log out.
  for (const { gateway, mac, token, index } of of(0)) {
    await gateway.logout(mac)
    expect({ index }, token, 'logged_out', incoming(index), 30)
    t.equal(await gateway.login(mac, ipOf(index), token), 0, 'the token is no good any more')
    gateway.clients.delete(mac)
  }
  // 1: an operator cuts them off; their gateway gets the denial with the next report.
  for (const { mac, token, index } of of(1)) {
    const subject = `mac:${mac.toUpperCase().replaceAll(':', '-')}`
    await access.put(subject, { verdict: 'deny', reason: 'abuse', until: null, updatedAt: Date.now() })
    expect({ index }, token, 'denied', incoming(index), 30)
  }
  // 2: somebody else tries their token.
  for (const { gateway, token, index } of of(2)) {
    const thief = macOf(1000 + index)
    t.equal(await gateway.login(thief, ipOf(index), token), 0)
    t.notOk(gateway.passes(thief))
    expect({ index }, token, 'active', incoming(index) + 700, 37)
  }
  // 3: they move to another gateway, and log in there.
  const next = ({ index }: { index: number }) => gateways[(index + 1) % GATEWAYS]
  for (const life of of(3)) {
    const { index, mac, ip, token } = life
    life.later = await clickThrough(instance.gatewayPort, next(life), mac, ip)
    t.equal(await next(life).login(mac, ip, token), 0, 'a token is for one gateway')
    t.equal(await next(life).login(mac, ip, life.later), 1)
    // The earlier gateway lets them time out, and reports it.
    expect({ index }, token, 'logged_out', incoming(index), 30)
    expect(life, life.later, 'active', 0, 0)
  }
  // 4: they leave without a logout. 5: they stay, and so do (7) those that have confirmed their address.
  for (const { token, index } of of(4)) expect({ index }, token, 'logged_out', incoming(index), 30)
  for (const { token, index } of [...of(5), ...of(7)]) expect({ index }, token, 'active', incoming(index) + 700, 37)
  t.ok(
    of(7).every(({ gateway, mac }) => gateway.clients.get(mac)?.access === 'allowed'),
    'who has confirmed is let in for good',
  )
  // 8: they never confirm it.
  for (const { token, index } of of(8)) expect({ index }, token, 'denied', incoming(index), 30)
  // 9: they use more than their quota.
  for (const { gateway, mac, token, index } of of(9)) {
    gateway.traffic(mac, QUOTA_BYTES, 0)
    expect({ index }, token, 'denied', incoming(index) + QUOTA_BYTES + 700, 37)
  }
  // 10: they move to another gateway, which asks for a token (roaming).
  for (const life of of(10)) {
    const { index, mac, ip, token } = life
    const given = await next(life).roam(mac, ip)
    t.ok(next(life).passes(mac), 'a session follows its device')
    life.later = given ?? ''
    expect({ index }, token, 'logged_out', incoming(index), 30)
    expect(life, life.later, 'active', 0, 0)
  }

  // The others stay active; gateways forget idle clients.
  const staying = [2, 5, 7].flatMap(of)
  const moved = [3, 10].flatMap(of)
  const cutOff = [8, 9].flatMap(of)
  const stays = () => {
    for (const { gateway, mac } of [...staying, ...cutOff]) gateway.traffic(mac, 0, 0)
    for (const life of moved) next(life).traffic(life.mac, 0, 0)
  }
  await sleep(500)
  for (const { gateway, mac } of [...staying, ...of(9)]) gateway.traffic(mac, 700, 7)
  for (let round = 0; round < 7; round++) {
    stays()
    await report()
    await sleep(200)
  }
  t.ok(
    of(1).every(({ gateway, mac }) => !gateway.clients.has(mac)),
    'who was cut off is off',
  )
  t.ok(of(4).every(({ gateway, mac }) => !gateway.clients.has(mac)))
  t.ok(staying.every(({ gateway, mac }) => gateway.passes(mac)))
  // Quotas are evaluated every few seconds, and the validation time has to pass.
  const isOn = ({ gateway, mac }: (typeof lives)[number]) => gateway.clients.has(mac)
  await until(async () => {
    stays()
    await report()
    return !cutOff.some(isOn)
  }, WAITING_INTERVAL_MS)
  t.notOk(of(8).some(isOn), 'who has not confirmed in time is off')
  t.notOk(of(9).some(isOn), 'who has used more than the quota is off')

  // The auth server dies: gateways neither admit nor forget clients that they cannot ask about.
  await instance.stop('SIGKILL')
  await report()
  t.notOk(gateways.some(({ open }) => open))
  t.notOk(staying.some(({ gateway, mac }) => gateway.passes(mac)))
  await instance.start()
  await report()
  t.ok(
    staying.every(({ gateway, mac }) => gateway.passes(mac)),
    'when it is back they are online as before',
  )

  // A gateway restarts: it has forgotten its clients, and its next heartbeat shows the restart.
  const [rebooted] = gateways
  // Wait for more than one second, the precision with which the restart is known.
  await sleep(1100)
  rebooted.reboot()
  for (const { token, index } of staying.filter(({ gateway }) => gateway === rebooted)) {
    expect({ index }, token, 'gateway_restarted', incoming(index) + 700, 37)
  }
  for (const life of moved.filter((each) => next(each) === rebooted))
    expect(life, life.later, 'gateway_restarted', 0, 0)

  // Clients that are online stay online until there is no lag.
  let over = false
  const going = (async () => {
    while (!over) {
      stays()
      await report()
      await sleep(WAITING_INTERVAL_MS)
    }
  })()
  try {
    let found: (Expected & { session_id: string })[] = []
    await until(async () => {
      found = await instance.query(
        'SELECT session_id, state, toUInt32(incoming) AS incoming, toUInt32(outgoing) AS outgoing FROM sessions',
      )
      const right = found.filter(({ session_id, ...told }) => isDeepStrictEqual(told, ledger.get(session_id)))
      return right.length === ledger.size
    }, 1000)
    const wrong = found.filter(({ session_id, ...told }) => !isDeepStrictEqual(told, ledger.get(session_id)))
    for (const { session_id } of wrong) {
      t.comment(
        JSON.stringify(await instance.query(`SELECT * FROM session_hours FINAL WHERE session_id = '${session_id}'`)),
      )
    }
    if (wrong.length > 0) t.comment(JSON.stringify(await instance.query('SELECT * FROM session_gateway_facts FINAL')))
    t.same(
      new Map(found.map(({ session_id, ...told }) => [session_id, told])),
      ledger,
      `${ledger.size} sessions are as the gateways saw them`,
    )
    const each = CLIENTS / KINDS
    const reasons = [
      { end_reason: 'not_confirmed', sessions: of(8).length },
      { end_reason: 'quota:session-bytes', sessions: each },
      { end_reason: 'revoked', sessions: each },
    ]
    t.same(
      await instance.queryUntil(
        `SELECT end_reason, toUInt32(count()) AS sessions FROM sessions WHERE state = 'denied' GROUP BY end_reason
         ORDER BY end_reason`,
        (rows) => isDeepStrictEqual(rows, reasons),
      ),
      reasons,
    )
  } finally {
    over = true
    await going
  }
})
