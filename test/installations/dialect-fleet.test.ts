import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { FileAccessLog } from '../../access/journal-log.ts'
import { takeBack } from '../../access/log.ts'
import { Tokens } from '../../access/token.ts'
import { createVouchers } from '../../access/vouchers.ts'
import { createLogger } from '../../common/logger.ts'
import { normalMac } from '../../common/mac.ts'
import { DIALECTS, DialectGateway, NO_BYTES, type Bytes } from '../helpers/dialect-gateways.ts'
import { logIn, logOut } from '../helpers/gateway-fleet.ts'
import { Instance } from '../helpers/instance.ts'
import { pick, random, shuffled } from '../helpers/random.ts'
import { until } from '../helpers/until.ts'

/*
 * A fleet of every dialect against a real instance: logins by click and voucher, counters, logouts, denials, devices that move, gateways that restart,
 * firewalls that are reloaded, and Gatepost itself restarted and killed, with other numbers of workers. A plain model, which knows nothing of tokens, tables or
 * SQL but the session of each token, says who is online with how many bytes. The views and the answers to the gateways have to say the same.
 */

const SECRET = 'the secret of the dialect fleet'
const DEVICES = 40
const ROUND_MS = 1000
/** Of a client in an interval. */
const MOST_BYTES = 9_000_000
/** Reports after a reload until which a gateway that tells no times must stay below what it had counted. */
const CALM_REPORTS = 3

const seed = Number(process.env['GATEPOST_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
t.comment(`GATEPOST_TEST_SEED=${seed}`)
const next = random(seed)
const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))

const tokens = new Tokens([SECRET])
const logger = createLogger('dialect-fleet')
logger.level = 'silent'

/** A session as the model has it. */
interface Lived {
  state: string
  readonly bytes: Bytes
  readonly token: string
  readonly dialect: string
}

interface Device {
  readonly mac: string
  readonly ip: string
  readonly code: string
  at: DialectGateway | null
  session: Lived | null
}

t.test('a fleet of all dialects', async (t) => {
  const instance = await Instance.create(join(t.testdir(), 'data'), {
    GATEPOST_SECRET: SECRET,
    GATEPOST_LOGIN: 'click,voucher',
    GATEPOST_ROAMING: 'on',
    GATEPOST_GATEWAY_CHANNEL: 'on',
    // Each gateway has an address.
    GATEPOST_TRUSTED_PROXIES: '127.0.0.1',
    // An interval takes a second here, and a busy machine may take minutes.
    GATEPOST_SESSION_TIMEOUT_INTERVALS: '1000',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const open = () => FileAccessLog.open(instance.dataDir, logger)
  const access = await open()
  t.teardown(() => access.close())

  const gateways = DIALECTS.flatMap((dialect, index) => {
    const address = `198.51.100.${index + 1}`
    const id = dialect.name === 'apfree 6' ? 'Café Größe 7' : `gw-${index}`
    const first = new DialectGateway(dialect, id, address, instance.gatewayPort)
    if (dialect.counters !== 'machine') return [first]
    return [first, new DialectGateway(dialect, `${id}-b`, address, instance.gatewayPort, first)]
  })
  t.teardown(() => gateways.forEach((gateway) => gateway.close()))
  for (const { id, address } of gateways) {
    const data = { address: '', routed: false, sources: [address] }
    await access.put(`registration:${id}`, { verdict: 'allow', reason: '', until: null, updatedAt: Date.now(), data })
  }
  const order = { count: DEVICES / 4, validForMs: 86_400_000, maxDevices: 4, label: '', now: Date.now() }
  const vouchers = await createVouchers(access, SECRET, order)
  const devices: Device[] = Array.from({ length: DEVICES }, (_, index) => ({
    mac: `02:00:00:00:07:${index.toString(16).padStart(2, '0')}`,
    ip: `192.168.77.${10 + index}`,
    code: vouchers[index % vouchers.length].code,
    at: null,
    session: null,
  }))

  const lived = new Map<string, Lived>()
  const ofMac = new Map(devices.map((device) => [device.mac, device]))
  /** Sessions that were denied and may go on: the denial was lifted. */
  const allowedAgain = new Set<Lived>()
  /** Sessions that their guests ended on the portal's page. */
  const loggedOut: Lived[] = []
  const online = () => devices.filter(({ at }) => at !== null)
  const countsAt = (gateway: DialectGateway) => gateway.dialect.counters !== 'none'

  // What the world does, and the model's entry of it.

  const begins = (device: Device, gateway: DialectGateway, token: string) => {
    if (device.session?.state === 'active') device.session.state = 'superseded'
    if (device.at !== gateway) device.at?.clients.delete(device.mac)
    const session = { state: 'active', bytes: { ...NO_BYTES }, token, dialect: gateway.dialect.name }
    lived.set(tokens.verify(token, normalMac(device.mac))?.sessionId as string, session)
    Object.assign(device, { at: gateway, session })
  }
  const ends = (device: Device, state: string) => {
    ;(device.session as Lived).state = state
    device.at = null
  }

  async function logsIn(device: Device, gateway: DialectGateway): Promise<string> {
    // The device has left the other gateway, which notices at once.
    device.at?.clients.delete(device.mac)
    const way = next() < 0.5 ? { method: 'click' } : { method: 'voucher', code: device.code }
    const { token, cookie } = await logIn({ port: instance.gatewayPort, gateway, mac: device.mac, ip: device.ip }, way)
    const isLetIn = async () => (await gateway.login(device.mac, device.ip, token)) === 1
    // Until all workers know that a denial was taken back, the guest tries again.
    const wasDenied = device.session !== null && allowedAgain.has(device.session)
    t.ok(wasDenied ? await until(isLetIn) : await isLetIn(), `${gateway.dialect.name}: login`)
    begins(device, gateway, token)
    return cookie
  }

  function moves(): void {
    for (const { mac, at, session } of online()) {
      const { dialect, clients } = at as DialectGateway
      if (dialect.counters === 'none') continue
      const client = clients.get(mac)
      if (client === undefined) throw new Error(`${dialect.name}: ${mac} was cut off`)
      const isCalm = client.answered < CALM_REPORTS && calm.has(mac)
      const amount = () => (isCalm ? whole(1, 50) : whole(100_000, MOST_BYTES))
      const v4 = { incoming: amount(), outgoing: amount() }
      const v6 = dialect.counters === 'machine' ? { incoming6: amount(), outgoing6: amount() } : {}
      transfers(mac, at as DialectGateway, session as Lived, { ...v4, ...v6 })
    }
  }
  function transfers(mac: string, at: DialectGateway, { bytes }: Lived, more: Partial<Bytes>): void {
    at.traffic(mac, more)
    for (const [family, amount] of Object.entries(more)) bytes[family as keyof Bytes] += amount
  }
  /** Devices whose counters began anew, at gateways that do not tell it. */
  const calm = new Set<string>()

  let lastRound = 0
  async function round(): Promise<boolean> {
    await until(() => Date.now() >= lastRound + ROUND_MS, 20)
    lastRound = Date.now()
    const answered = await Promise.all(gateways.map((gateway) => gateway.interval()))
    return answered.every(Boolean)
  }
  /** Every client of which the model says so may stay. */
  function checkAnswers(when: string): void {
    for (const { mac, at } of online())
      if (countsAt(at as DialectGateway))
        t.equal((at as DialectGateway).codes.get(mac), 1, `${at?.dialect.name}: ${mac} stays online ${when}`)
  }
  const among = (isFit: (gateway: DialectGateway) => boolean) =>
    shuffled(online(), next).find(({ at }) => at !== null && isFit(at))

  const events: Record<string, () => Promise<void>> = {
    async logout() {
      const device = among(countsAt)
      if (device === undefined) return
      await device.at?.logout(device.mac)
      ends(device, 'logged_out')
    },
    async 'log out on the page'() {
      const device = pick(devices, next)
      const gateway = pick(gateways.filter(countsAt), next)
      const cookie = await logsIn(device, gateway)
      await logOut({ port: instance.gatewayPort, gateway, mac: device.mac, ip: device.ip }, cookie)
      t.ok(await until(() => isOut(device, gateway)), `${gateway.dialect.name}: out after logging out on the page`)
      loggedOut.push(device.session as Lived)
      ends(device, 'denied')
    },
    async deny() {
      const device = among(countsAt)
      if (device === undefined) return
      const subject = `mac:${normalMac(device.mac)}`
      await access.put(subject, { verdict: 'deny', reason: 'noise', until: null, updatedAt: Date.now() })
      const gateway = device.at as DialectGateway
      t.ok(await until(() => isOut(device, gateway)), `${gateway.dialect.name}: out after a denial`)
      await takeBack(access, subject, Date.now())
      allowedAgain.add(device.session as Lived)
      ends(device, 'denied')
    },
    async 'a gateway restarts'() {
      const [{ machine }] = [pick(gateways, next)]
      const concerned = online().filter(({ at }) => machine.includes(at as DialectGateway))
      // An uptime that fell is what tells of it, in whole seconds; a machine needs some until it is back.
      t.ok(await until(() => machine[0].uptimeSeconds > 3))
      t.ok(await machine[0].ping())
      for (const gateway of machine) gateway.restart()
      const [{ dialect }] = machine
      t.ok(await until(() => machine[0].uptimeSeconds > 1))
      t.ok(await machine[0].ping())
      // Where no uptime is told, nobody knows of the restart until the device logs in again.
      for (const device of concerned) {
        if (dialect.tellsUptime) ends(device, 'gateway_restarted')
        else await logsIn(device, device.at as DialectGateway)
      }
    },
    async 'a firewall is reloaded'() {
      const able = () =>
        gateways.filter(
          (each) => countsAt(each) && [...each.clients.values()].every((client) => canReload(each, client)),
        )
      // Whoever logged in lately has not used enough yet.
      for (let report = 0; able().length === 0 && report < 2 * CALM_REPORTS; report++) {
        moves()
        t.ok(await round(), 'all are answered before a reload')
      }
      if (able().length === 0) return
      const gateway = pick(able(), next)
      gateway.reload()
      if (gateway.dialect.tellsTime) return
      for (const mac of gateway.clients.keys()) calm.add(mac)
      // A session that ended after fewer reports would not have told it.
      for (let report = 0; report < CALM_REPORTS; report++) {
        moves()
        t.ok(await round(), 'all are answered after a reload')
      }
    },
    async 'a counter of 32 bits goes over its end'() {
      const gateway = gateways.find(({ dialect }) => dialect.counters === 'ng') as DialectGateway
      const device = online().find(({ at }) => at === gateway) ?? devices[0]
      if (device.at !== gateway) await logsIn(device, gateway)
      for (const amount of [3e9, 2e9]) {
        transfers(device.mac, gateway, device.session as Lived, { incoming: amount, outgoing: 1 })
        t.ok(await gateway.report())
      }
    },
    async 'a device moves'() {
      const device = among(() => true)
      if (device !== undefined) await logsIn(device, pick(gateways, next))
    },
    async 'a device roams'() {
      const gateway = gateways.find(({ dialect }) => dialect.counters === 'none') as DialectGateway
      const device = among((at) => at !== gateway)
      if (device === undefined) return
      const token = await gateway.roam(device.mac, device.ip)
      t.type(token, 'string', 'the device gets a token')
      if (token !== null) begins(device, gateway, token)
    },
    async 'Gatepost restarts'() {
      t.equal(await instance.stop(), 0)
      moves()
      t.notOk(await round(), 'nobody answers')
      await instance.start({ GATEPOST_WORKERS: String(whole(1, 3)) })
    },
    async 'Gatepost is killed'() {
      moves()
      const reports = round()
      await instance.stop('SIGKILL')
      await reports
      await instance.start({ GATEPOST_WORKERS: String(whole(1, 3)) })
    },
  }
  /** Only values below those before are known to be new ones, and of a gateway that tells no times only a few of them in a row. */
  function canReload(
    { dialect }: DialectGateway,
    { counted, answered }: { counted: Bytes; answered: number },
  ): boolean {
    const used = dialect.counters === 'machine' ? Object.values(counted) : [counted.incoming, counted.outgoing]
    if (dialect.tellsTime) return answered > 0 && used.every((value) => value > MOST_BYTES && value < 2 ** 31)
    return answered > CALM_REPORTS && used.every((value) => value > 10_000)
  }
  async function isOut(device: Device, gateway: DialectGateway): Promise<boolean> {
    if (gateway.dialect.hasChannel) await gateway.ping()
    else await gateway.report()
    return !gateway.clients.has(device.mac)
  }

  for (let beat = 0; beat < 3; beat++) await round()
  for (const device of devices) await logsIn(device, gateways[devices.indexOf(device) % gateways.length])
  // After a kill, the sessions are computed again when the lease of the dead process is over: within a minute.
  const killed = 'Gatepost is killed'
  const others = Object.keys(events).filter((name) => name !== killed)
  const most = shuffled([...others, ...others, 'a firewall is reloaded', 'deny'], next)
  const agenda = [...shuffled([...most.slice(0, 8), killed, killed], next), ...most.slice(8)]
  for (const name of agenda) {
    moves()
    t.ok(await round(), `all are answered before: ${name}`)
    checkAnswers(`before: ${name}`)
    t.comment(name)
    await events[name]()
    for (const device of devices.filter(({ at }) => at === null))
      if (next() < 0.5) await logsIn(device, pick(gateways, next))
  }
  moves()
  t.ok(await round())
  checkAnswers('at the end')

  t.comment(`${lived.size} sessions`)
  const expected = Object.fromEntries(
    [...lived].map(([id, { state, bytes, dialect }]) => {
      const { incoming, outgoing, incoming6, outgoing6 } = bytes
      return [id, { dialect, state, incoming: incoming + incoming6, outgoing: outgoing + outgoing6 }]
    }),
  )
  const found = async () => {
    await round()
    const rows = await instance.query<{ session_id: string; state: string; incoming: number; outgoing: number }>(
      'SELECT session_id, state, incoming, outgoing FROM gatepost.sessions',
    )
    return Object.fromEntries(
      rows.map(({ session_id, ...rest }) => [session_id, { dialect: lived.get(session_id)?.dialect, ...rest }]),
    )
  }
  let sessions = await found()
  await until(async () => isDeepStrictEqual((sessions = await found()), expected))
  t.same(sessions, expected, 'the view sessions')
  const whys = async () => {
    const rows = await instance.query<{ session_id: string; end_reason: string }>(
      "SELECT session_id, end_reason FROM gatepost.sessions WHERE state = 'denied'",
    )
    return new Map(rows.map(({ session_id, end_reason }) => [lived.get(session_id), end_reason]))
  }
  let reasons = await whys()
  // After a kill, decisions are copied to the tables when the lease of the dead process is over.
  const why = (session: Lived) => (loggedOut.includes(session) ? 'logged_out' : 'revoked')
  await until(async () => {
    reasons = await whys()
    return [...reasons].every(([session, reason]) => reason === why(session as Lived))
  })
  t.ok(loggedOut.length > 0)
  for (const [session, reason] of reasons) t.equal(reason, why(session as Lived), 'why a session was denied')

  const listed = gateways.map(({ id, restarts, dialect }) => ({
    gw_id: id,
    state: 'up',
    clients: countsAt({ dialect } as DialectGateway) ? online().filter(({ at }) => at?.id === id).length : null,
    restarts: dialect.tellsUptime ? restarts : 0,
    warning: '',
  }))
  let rows: typeof listed = []
  const seen = async () => {
    await round()
    rows = await instance.query('SELECT gw_id, state, clients, restarts, warning FROM gatepost.gateways')
    // A gateway without counters is heard of at logins only.
    rows = rows.map((row) =>
      listed.find(({ gw_id }) => gw_id === row.gw_id)?.clients === null ? { ...row, clients: null } : row,
    )
    rows.sort((a, b) => (a.gw_id < b.gw_id ? -1 : 1))
    return isDeepStrictEqual(rows, sorted)
  }
  const sorted = [...listed].sort((a, b) => (a.gw_id < b.gw_id ? -1 : 1))
  await until(seen)
  t.same(rows, sorted, 'the view gateways')

  const reyee = gateways.find(({ dialect }) => dialect.name === 'reyee') as DialectGateway
  for (const { mac, at, session } of devices) {
    const mayGoOn = at === null && session?.dialect === 'reyee' && allowedAgain.has(session)
    t.equal(await reyee.asks(mac), at === reyee || mayGoOn ? 1 : 0, `whether ${mac} may be online`)
  }
  for (const session of lived.values()) {
    const { token, state } = session
    if ((state !== 'denied' && state !== 'logged_out') || allowedAgain.has(session)) continue
    const [{ mac, ip }] = [...ofMac.values()].filter((device) => tokens.verify(token, normalMac(device.mac)) !== null)
    t.equal(await gateways[1].login(mac, ip, token), 0, 'a session that is over does not come back')
  }
})
