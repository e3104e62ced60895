import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AccessEntry } from '../../../access/log.ts'
import { createLogger } from '../../../common/logger.ts'
import { makeBatch, unsigned, type Fields } from '../../../schemas/test/records.ts'
import { insertRows } from '../../../store/insert-rows.ts'
import { openMigratedStore } from '../../../test/helpers/migrated-store.ts'
import { MemoryAccess } from '../../../test/helpers/memory-access.ts'
import { NAS_SECRET, RadiusNas } from '../../../test/helpers/radius-nas.ts'
import { until } from '../../../test/helpers/until.ts'
import { startDisconnectJob, type DisconnectStats } from '../disconnect-job.ts'
import type { NasClient } from '../nas-clients.ts'

/* Disconnect-Requests to a real FreeRADIUS, with the real engine. */

const logger = createLogger('disconnect-job-test')
logger.level = 'silent'
const WAITS_MS = [300, 300, 300]

async function openTables(t: Test) {
  const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
  t.teardown(() => store.close())
  /** The session goes on: an interim update of now. */
  const report = async (id: string, more: Fields = {}, at = Date.now()) => {
    const fields: Fields = {
      received_at: at,
      event_at: at,
      status_type: 'Interim-Update',
      nas: 'lobby-1',
      nas_identifier: 'lobby-1',
      nas_ip: '192.0.2.7',
      site_ip: '127.0.0.1',
      unique_id: `unique-${id}`,
      acct_session_id: id,
      mac: `mac-${id}`,
      username: `user-${id}`,
      session_time: unsigned(60n),
      terminate_cause: '',
      ...more,
    }
    const batch = makeBatch('radius_accounting', at, [fields])
    await store.insertOnce('radius_accounting', [{ ...batch, minReceivedAt: at, maxReceivedAt: at }])
  }
  const outcomes = () =>
    store.query(
      'SELECT unique_id, outcome, error_cause, reason, address, packets FROM gatepost.radius_disconnects ORDER BY at, unique_id',
    )
  return { store, report, outcomes }
}

type Tables = Awaited<ReturnType<typeof openTables>>

const client = (port: number, more: Partial<NasClient> = {}): NasClient => ({
  nas: 'lobby-*',
  address: '127.0.0.1',
  networks: [],
  port,
  secret: NAS_SECRET,
  send: ['NAS-Identifier', 'NAS-IP-Address', 'Acct-Session-Id'],
  ...more,
})

const decided = (verdict: 'allow' | 'deny', reason = ''): AccessEntry => ({
  verdict,
  reason,
  until: null,
  updatedAt: Date.now(),
})

/** Decides, in the access log and in the table that mirrors it. */
async function decide(tables: Tables, access: MemoryAccess, subject: string, entry: AccessEntry): Promise<void> {
  await access.put(subject, entry)
  await tables.store.command(
    `INSERT INTO gatepost.access_decisions (subject, verdict, reason, updated_at, removed)
     VALUES ('${subject}', '${entry.verdict}', '${entry.reason}', now64(3, 'UTC'), 0)`,
  )
}

/** Runs the job until it has looked at everything once. */
async function look(tables: Tables, access: MemoryAccess, clients: readonly NasClient[]): Promise<DisconnectStats> {
  const job = startDisconnectJob({
    store: tables.store,
    access,
    clients,
    logger,
    everyMs: 20,
    leaseSettleMs: 20,
    waitsMs: WAITS_MS,
  })
  await until(() => job.stats.looks > 0 || job.stats.failures > 0)
  await job.stop()
  return job.stats
}

t.test('what a NAS answers is recorded, with the reason of the denial', async (t) => {
  const nas = await RadiusNas.start(t, t.testdir())
  if (nas === null) return
  const tables = await openTables(t)
  const access = new MemoryAccess()
  for (const id of ['ends', 'gone', 'busy', 'plain-nak', 'silent', 'others', 'exempt']) await tables.report(id)
  await decide(tables, access, 'session:unique-ends', decided('deny', 'quota:session-2gb'))
  await decide(tables, access, 'mac:mac-gone', decided('deny', 'abuse'))
  await decide(tables, access, 'account:user-busy', decided('deny', 'quota:account-5gb-a-day'))
  // As typed: names of RADIUS servers are stored in lower case.
  await decide(tables, access, 'account:User-Plain-NAK', decided('deny'))
  await decide(tables, access, 'session:unique-silent', decided('deny'))
  // A narrower decision makes an exception.
  await decide(tables, access, 'account:user-exempt', decided('deny'))
  await decide(tables, access, 'mac:mac-exempt', decided('allow'))
  const stats = await look(tables, access, [client(nas.port)])
  t.match(stats, {
    failures: 0,
    outcomes: { ack: 1, gone: 1, nak: 2, unanswered: 1 },
    repeated: 2,
    denied: { reachable: 5, unreachable: 0 },
  })
  const address = `127.0.0.1:${nas.port}`
  const rows = (await tables.outcomes()) as { unique_id: string }[]
  rows.sort((one, other) => (one.unique_id < other.unique_id ? -1 : 1))
  t.same(rows, [
    { unique_id: 'unique-busy', outcome: 'nak', error_cause: 506, reason: 'quota:account-5gb-a-day', address, packets: 1 }, // prettier-ignore
    { unique_id: 'unique-ends', outcome: 'ack', error_cause: null, reason: 'quota:session-2gb', address, packets: 1 },
    { unique_id: 'unique-gone', outcome: 'gone', error_cause: 503, reason: 'abuse', address, packets: 1 },
    { unique_id: 'unique-plain-nak', outcome: 'nak', error_cause: null, reason: '', address, packets: 1 },
    { unique_id: 'unique-silent', outcome: 'unanswered', error_cause: null, reason: '', address, packets: 3 },
  ])
  const request = nas.received().find((text) => text.includes('"ends"')) ?? ''
  t.match(request, /NAS-Identifier = "lobby-1"/)
  t.match(request, /NAS-IP-Address = 192\.0\.2\.7/)
  t.match(request, /Event-Timestamp = "/)
  t.match(request, /Message-Authenticator = 0x/)
  t.notMatch(request, /User-Name|Calling-Station-Id/, 'only what the entry says is sent')
  t.notMatch(nas.log, /others|exempt/)
  t.match(nas.log, /Ignoring retransmit/, 'FreeRADIUS takes what is sent again for the same request')
})

t.test(
  'a session is asked for again when it is time, and by the table, so that a restart changes nothing',
  async (t) => {
    const nas = await RadiusNas.start(t, t.testdir())
    if (nas === null) return
    const tables = await openTables(t)
    const access = new MemoryAccess()
    for (const id of ['ends', 'busy']) await tables.report(id, {}, Date.now() - 10 * 60_000)
    await decide(tables, access, 'gateway:lobby-1', decided('deny', 'closed'))
    const asked = async () => {
      const { outcomes, failures } = await look(tables, access, [client(nas.port)])
      return { ...outcomes, failures }
    }
    t.match(await asked(), { ack: 1, nak: 1, failures: 0 })
    t.match(await asked(), { ack: 0, nak: 0, failures: 0 }, 'not within the first minute')
    /** As if what is recorded had happened earlier. */
    const earlier = async (minutes: number) => {
      const columns = 'at, nas, unique_id, reason, address, outcome, error_cause, packets'
      const rows = await tables.store.query(
        `SELECT toString(at - INTERVAL ${minutes} MINUTE) AS at, * EXCEPT at FROM gatepost.radius_disconnects`,
      )
      await tables.store.command('TRUNCATE TABLE gatepost.radius_disconnects')
      await insertRows(tables.store, `gatepost.radius_disconnects (${columns})`, rows as object[])
    }
    await earlier(2)
    t.match(
      await asked(),
      { ack: 0, nak: 1, failures: 0 },
      'one that did not end; the other was acknowledged, and is silent since',
    )
    t.match(await asked(), { ack: 0, nak: 0, failures: 0 })
    await earlier(1)
    t.match(await asked(), { ack: 0, nak: 0, failures: 0 }, 'after the second request, not within two minutes')
    await tables.report('ends', {}, Date.now())
    await earlier(2)
    t.match(
      await asked(),
      { ack: 1, nak: 1, failures: 0 },
      'a session that goes on after an acknowledgement is asked for again',
    )
  },
)

/** Between the job and a NAS: drops the first packets, keeps all, and passes on the rest. */
async function relay(t: Test, to: number, dropped: number): Promise<{ port: number; packets: Buffer[] }> {
  const [front, back] = [createSocket('udp4'), createSocket('udp4')]
  const packets: Buffer[] = []
  let from: { port: number; address: string } | null = null
  front.on('message', (packet, peer) => {
    packets.push(packet)
    from = peer
    if (packets.length > dropped) back.send(packet, to, '127.0.0.1')
  })
  back.on('message', (answer) => {
    if (from !== null) front.send(answer, from.port, from.address)
  })
  front.bind(0, '127.0.0.1')
  await once(front, 'listening')
  for (const socket of [front, back]) t.teardown(() => new Promise<void>((done) => socket.close(done)))
  return { port: front.address().port, packets }
}

t.test('a lost request is sent again as it was', async (t) => {
  const nas = await RadiusNas.start(t, t.testdir())
  if (nas === null) return
  const tables = await openTables(t)
  const access = new MemoryAccess()
  await tables.report('ends')
  await decide(tables, access, 'session:unique-ends', decided('deny'))
  const { port, packets } = await relay(t, nas.port, 2)
  const stats = await look(tables, access, [client(port)])
  t.match(stats.outcomes, { ack: 1, unanswered: 0 })
  t.equal(stats.repeated, 2)
  t.equal(packets.length, 3)
  for (const packet of packets) t.ok(packet.equals(packets[0]), 'identifier and authenticator too')
})

/** A NAS that answers by a function. */
async function answering(t: Test, answer: (request: Buffer) => readonly Buffer[]): Promise<number> {
  const socket: Socket = createSocket('udp4')
  socket.on('message', (request, peer) => {
    for (const each of answer(request)) socket.send(each, peer.port, peer.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => new Promise<void>((done) => socket.close(done)))
  return socket.address().port
}

t.test('what was not made with the secret is no answer; other NAS are not held up', async (t) => {
  const nas = await RadiusNas.start(t, t.testdir())
  if (nas === null) return
  const tables = await openTables(t)
  const access = new MemoryAccess()
  const forger = await answering(t, (request) => [
    Buffer.from([41, request[1], 0, 20, ...request.subarray(4, 20)]),
    Buffer.alloc(20, 41),
    Buffer.from([41, request[1]]),
    Buffer.alloc(0),
  ])
  for (let index = 0; index < 40; index++)
    await tables.report(`forged-${index}`, { nas: 'forged', nas_identifier: 'forged' })
  await tables.report('wrong-secret', { nas: 'wrong', nas_identifier: 'wrong' })
  await tables.report('ends')
  await tables.report('elsewhere', { nas: 'unknown' })
  await tables.report('far-away', { nas: 'by-source', site_ip: '198.51.100.1' })
  await tables.report('near', { nas: 'by-source', site_ip: '127.0.0.1' })
  await tables.report('unnamed', { acct_session_id: '' })
  for (const name of ['forged', 'wrong', 'lobby-1', 'unknown', 'by-source'])
    await decide(tables, access, `gateway:${name}`, decided('deny'))
  const stats = await look(tables, access, [
    client(forger, { nas: 'forged' }),
    client(nas.port, { nas: 'wrong', secret: 'not the secret' }),
    client(nas.port, { nas: 'by-*', address: null, networks: ['127.0.0.0/8'] }),
    client(nas.port),
  ])
  t.equal(stats.failures, 0)
  t.equal(stats.outcomes.ack, 2, 'ends, and near')
  t.ok(
    stats.outcomes.unanswered >= 2 && stats.outcomes.unanswered <= 32,
    'the rest of a silent NAS waits for the next run',
  )
  t.same(stats.denied, { reachable: 43, unreachable: 3 })
  t.match(nas.log, /invalid Message-Authenticator/)
  t.same(
    await tables.store.query(
      `SELECT DISTINCT nas FROM gatepost.radius_disconnects WHERE outcome = 'unanswered' ORDER BY nas`,
    ),
    [{ nas: 'forged' }, { nas: 'wrong' }],
  )
})
