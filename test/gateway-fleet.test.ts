import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { createLogger } from '../common/logger.ts'
import { Tokens } from '../ingest/access/token.ts'
import { FileAccessLog } from '../log/journal/access-log.ts'
import { clickThrough, FleetGateway } from './helpers/gateway-fleet.ts'
import { Instance } from './helpers/instance.ts'

/*
 * Hundreds of clients live through whole sessions at gateways that behave as real ones, against a real instance. What the gateways did and
 * the view `sessions` tell the same.
 */
const SECRET = 'the secret of the fleet test'
const GATEWAYS = 6
const CLIENTS = 240
const INTERVAL_MS = 1500

interface Expected {
  readonly state: string
  readonly incoming: number
  readonly outgoing: number
}

const logger = createLogger('fleet-test')
logger.level = 'silent'
const tokens = new Tokens([SECRET])

t.test('the lives of a fleet', { timeout: 380_000 }, async (t) => {
  const instance = await Instance.create(join(t.testdir(), 'data'), {
    GATEPOST_SECRET: SECRET,
    // Of an interval of seconds: a busy machine is no gateway that has gone.
    GATEPOST_SESSION_TIMEOUT_INTERVALS: '100',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const access = await FileAccessLog.open(instance.dataDir, logger)
  t.teardown(() => access.close())
  const gateways = Array.from(
    { length: GATEWAYS },
    (_, index) => new FleetGateway(`fleet-${index}`, instance.gatewayPort),
  )
  for (const gateway of gateways) await gateway.ping()
  t.ok(gateways.every(({ open }) => open))

  const ledger = new Map<string, Expected>()
  const expect = (token: string, state: string, incoming: number, outgoing: number) =>
    ledger.set(tokens.verify(token)?.sessionId as string, { state, incoming, outgoing })
  const macOf = (index: number) =>
    `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index % 256).toString(16).padStart(2, '0')}`
  const ipOf = (index: number) => `192.168.77.${10 + (index % 200)}`

  // Everybody logs in, but for those who never come back with their token.
  const lives = Array.from({ length: CLIENTS }, (_, index) => ({
    index,
    mac: macOf(index),
    ip: ipOf(index),
    gateway: gateways[index % GATEWAYS],
    kind: Math.floor(index / GATEWAYS) % 7,
    token: '',
    /** At the gateway it went to. */
    later: '',
  }))
  for (const life of lives) {
    life.token = await clickThrough(instance.gatewayPort, life.gateway.id, life.mac, life.ip)
    if (life.kind === 6) expect(life.token, 'issued', 0, 0)
    else t.equal(await life.gateway.login(life.mac, life.ip, life.token), 1)
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
    expect(token, 'logged_out', incoming(index), 30)
    t.equal(await gateway.login(mac, ipOf(index), token), 0, 'the token is no good any more')
    gateway.clients.delete(mac)
  }
  // 1: an operator cuts them off; their gateway hears of it with the next report.
  for (const { mac, token, index } of of(1)) {
    const subject = `mac:${mac.toUpperCase().replaceAll(':', '-')}`
    await access.put(subject, { verdict: 'deny', reason: 'abuse', until: null, updatedAt: Date.now() })
    expect(token, 'denied', incoming(index), 30)
  }
  // 2: somebody else tries their token.
  for (const { gateway, token, index } of of(2)) {
    const thief = macOf(1000 + index)
    t.equal(await gateway.login(thief, ipOf(index), token), 0)
    t.notOk(gateway.passes(thief))
    expect(token, 'active', incoming(index) + 700, 37)
  }
  // 3: they go to another gateway, and log in there.
  const next = ({ index }: { index: number }) => gateways[(index + 1) % GATEWAYS]
  for (const life of of(3)) {
    const { index, mac, ip, token } = life
    life.later = await clickThrough(instance.gatewayPort, next(life).id, mac, ip)
    t.equal(await next(life).login(mac, ip, token), 0, 'a token is for one gateway')
    t.equal(await next(life).login(mac, ip, life.later), 1)
    // The gateway before lets them time out, and says so.
    expect(token, 'logged_out', incoming(index), 30)
    expect(life.later, 'active', 0, 0)
  }
  // 4: they leave without a word. 5: they stay.
  for (const { token, index } of of(4)) expect(token, 'logged_out', incoming(index), 30)
  for (const { token, index } of of(5)) expect(token, 'active', incoming(index) + 700, 37)

  // The others go on, idle clients are forgotten by their gateways.
  const stays = () => {
    for (const { gateway, mac } of [...of(2), ...of(5)]) gateway.traffic(mac, 0, 0)
    for (const life of of(3)) next(life).traffic(life.mac, 0, 0)
  }
  await sleep(500)
  for (const { gateway, mac } of [...of(2), ...of(5)]) gateway.traffic(mac, 700, 7)
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
  t.ok(of(5).every(({ gateway, mac }) => gateway.passes(mac)))

  // A gateway restarts: it has forgotten its clients, and its next heartbeat says so.
  const [rebooted] = gateways
  // That takes more than the second to which its restart is known.
  await sleep(1100)
  rebooted.reboot()
  for (const { token, index } of [...of(2), ...of(5)].filter(({ gateway }) => gateway === rebooted)) {
    expect(token, 'gateway_restarted', incoming(index) + 700, 37)
  }
  for (const { later } of of(3).filter((life) => next(life) === rebooted)) expect(later, 'gateway_restarted', 0, 0)

  // Those who are online stay so while the tables catch up.
  let over = false
  const going = (async () => {
    while (!over) {
      stays()
      await report()
      await sleep(INTERVAL_MS)
    }
  })()
  try {
    let found: (Expected & { session_id: string })[] = []
    for (const deadline = Date.now() + 150_000; Date.now() < deadline; await sleep(1000)) {
      found = await instance.query(
        'SELECT session_id, state, toUInt32(incoming) AS incoming, toUInt32(outgoing) AS outgoing FROM sessions',
      )
      const right = found.filter(({ session_id, ...told }) => isDeepStrictEqual(told, ledger.get(session_id)))
      if (right.length === ledger.size) break
    }
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
  } finally {
    over = true
    await going
  }
})
