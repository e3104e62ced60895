import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { makeBatch, unsigned, type Fields } from '../../../schemas/test/records.ts'
import { openMigratedStore } from '../../../test/helpers/migrated-store.ts'
import { random } from '../../../test/helpers/random.ts'
import { until } from '../../../test/helpers/until.ts'
import { startNasJob } from '../nas-job.ts'
import { plainSessions, type Packet, type PlainSession } from './plain-radius.ts'

/* Sessions of RADIUS accounting in the real engine, against a slow plain model. */

const logger = createLogger('radius-sessions-test')
logger.level = 'silent'
const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
await store.command(`INSERT INTO gatepost.session_settings (name, value) VALUES ('timeout_intervals', 3)`)
t.teardown(() => store.close())

const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Date.now() % 1_000_000)
const NOW = Math.floor(Date.now() / 1000) * 1000
const MINUTE = 60_000
const MAC = '50-A6-7F-84-9C-D1'

function fields({ status, nas, id, mac, at, time, incoming, outgoing, cause }: Packet): Fields {
  const long = (value: number | null) => (value === null ? null : unsigned(BigInt(value)))
  return {
    received_at: at,
    event_at: at,
    status_type: status,
    nas,
    unique_id: id,
    mac,
    username: mac === '' ? '' : `user of ${mac}`,
    session_time: long(time),
    output_octets: long(incoming),
    input_octets: long(outgoing),
    terminate_cause: cause,
  }
}

/** Inserts packets in this order, in several inserts; received_at orders nothing. */
async function insert(packets: readonly Packet[], perInsert = Infinity): Promise<void> {
  for (let first = 0; first < packets.length; first += perInsert) {
    const part = packets.slice(first, first + Math.min(perInsert, packets.length))
    const monthOf = ({ at }: Packet) => new Date(at).getUTCMonth()
    for (const month of new Set(part.map(monthOf))) {
      const rows = part.filter((each) => monthOf(each) === month)
      const from = Math.min(...rows.map(({ at }) => at))
      const batch = makeBatch('radius_accounting', from, rows.map(fields))
      const maxReceivedAt = Math.max(...rows.map(({ at }) => at))
      await store.insertOnce('radius_accounting', [{ ...batch, minReceivedAt: from, maxReceivedAt }])
    }
  }
}

async function found(): Promise<Map<string, PlainSession>> {
  const rows = await store.query<Record<string, string | null>>(
    `SELECT session_id, gw_id, state, end_reason, toString(toUnixTimestamp64Milli(ended)) AS ended,
       toString(toUnixTimestamp64Milli(first_seen)) AS first, toString(toUnixTimestamp64Milli(last_seen)) AS last,
       toString(incoming) AS bytes_in, toString(outgoing) AS bytes_out, toString(reports) AS counted
     FROM gatepost.radius_sessions`,
  )
  return new Map(
    rows.map((row) => [
      `${row['gw_id'] as string} ${row['session_id'] as string}`,
      {
        id: row['session_id'] as string,
        state: row['state'] as string,
        reason: row['end_reason'],
        ended: row['ended'] === null ? null : Number(row['ended']),
        first: Number(row['first']),
        last: Number(row['last']),
        incoming: Number(row['bytes_in']),
        outgoing: Number(row['bytes_out']),
        reports: Number(row['counted']),
      },
    ]),
  )
}

const packet = (change: Partial<Packet>): Packet => ({
  status: 'Interim-Update',
  nas: 'lobby',
  id: 's-1',
  mac: MAC,
  at: NOW,
  time: null,
  incoming: null,
  outgoing: null,
  cause: '',
  ...change,
})

t.test('the cases of the page', async (t) => {
  const at = (minutes: number) => NOW - 90 * MINUTE + minutes * MINUTE
  const nas = 'cases'
  const of = (id: string, mac: string, ...rest: Partial<Packet>[]) =>
    rest.map((each) => packet({ nas, id, mac, ...each }))
  const interim = (minutes: number, begin: number, incoming: number, outgoing = 0): Partial<Packet> => ({
    at: at(minutes),
    time: (minutes - begin) * 60,
    incoming,
    outgoing,
  })
  await insert([
    ...of('stopped', 'a', { status: 'Start', at: at(0) }, interim(5, 0, 100, 10), {
      ...interim(7, 0, 150, 20),
      status: 'Stop',
      cause: 'Idle-Timeout',
    }),
    // After its Stop: a packet that was overtaken counts, and one with a later session time does not.
    ...of('stopped', 'a', interim(3, 0, 50, 5), { ...interim(9, 0, 900, 900), at: at(6) }),
    ...of('again', 'b', { status: 'Start', at: at(0) }, interim(5, 0, 100), interim(10, 0, 40), interim(15, 0, 60)),
    ...of('rival', 'b', { status: 'Start', at: at(20) }, interim(25, 20, 7)),
    ...of('lost-start', 'c', interim(60, 0, 2 ** 40, 2 ** 33)),
    ...of('rebooted', 'd', { status: 'Start', at: at(50) }, interim(55, 50, 9)),
    packet({ nas, id: '', mac: '', status: 'Accounting-Off', at: at(61) }),
    packet({ nas, id: '', mac: '', status: 'Accounting-On', at: at(62) }),
    ...of('after', 'd', { status: 'Start', at: at(63) }, interim(88, 63, 3)),
  ])
  const sessions = await found()
  const one = (id: string) => sessions.get(`cases ${id}`)
  t.match(one('stopped'), {
    state: 'stopped',
    reason: 'Idle-Timeout',
    ended: at(7),
    incoming: 150,
    outgoing: 20,
    reports: 4,
  })
  t.match(one('again'), { state: 'superseded', ended: at(20), incoming: 160, reports: 3 })
  t.match(one('rival'), { state: 'nas_restarted', ended: at(61), incoming: 7 })
  t.match(one('lost-start'), { state: 'nas_restarted', incoming: 2 ** 40, outgoing: 2 ** 33, first: at(60) })
  t.match(one('rebooted'), { state: 'nas_restarted', reason: 'nas_restarted', ended: at(61) })
  t.match(one('after'), { state: 'active', reason: null, ended: null, incoming: 3 })
})

t.test('a session whose interim updates stay away is over; the interval is that of its NAS', async (t) => {
  const every = (nas: string, seconds: number, id: string, count: number, until: number) =>
    Array.from({ length: count }, (_, index) =>
      packet({
        nas,
        id,
        mac: `${nas} ${id}`,
        at: until - (count - 1 - index) * seconds * 1000,
        time: (index + 1) * seconds,
        incoming: index,
      }),
    )
  await insert([
    ...every('fast', 60, 'goes-on', 10, NOW - 30_000),
    ...every('fast', 60, 'silent', 10, NOW - 10 * MINUTE),
    ...every('slow', 600, 'goes-on', 10, NOW - 10 * MINUTE),
    packet({ nas: 'mute', id: 'start-only', mac: 'mute', status: 'Start', at: NOW - 80 * MINUTE }),
  ])
  const job = startNasJob({ store, logger, everyMs: 50, leaseSettleMs: 0 })
  await until(() => job.stats.looks > 0)
  await job.stop()
  t.equal(job.stats.failures, 0)
  t.same(
    await store.query(
      `SELECT nas, interval_seconds FROM gatepost.radius_nas_facts FINAL WHERE nas IN ('fast', 'slow', 'mute') ORDER BY nas`,
    ),
    [
      { nas: 'fast', interval_seconds: 60 },
      { nas: 'slow', interval_seconds: 600 },
    ],
  )
  const sessions = await found()
  t.match(sessions.get('fast goes-on'), { state: 'active' })
  t.match(sessions.get('fast silent'), { state: 'timed_out', ended: NOW - 10 * MINUTE + 180_000 })
  t.match(sessions.get('slow goes-on'), { state: 'active' })
  t.match(sessions.get('mute start-only'), { state: 'active' }, 'a NAS that sends no updates is never silent')

  await insert([packet({ nas: 'fast', id: 'silent', mac: 'fast silent', at: NOW - 1000, time: 1140, incoming: 50 })])
  t.match((await found()).get('fast silent'), { state: 'active', incoming: 50 }, 'a late packet opens it again')
})

t.test('5,000 sessions over reboots of their NAS, repeated, late and in disorder, equal the plain model', async (t) => {
  t.comment(`GATEPOST_TEST_SEED=${SEED}`)
  const next = random(SEED)
  const NASES = 20
  const from = NOW - 40 * 60 * MINUTE
  const span = 30 * 60 * MINUTE
  const packets: Packet[] = []
  const whole = (below: number) => Math.floor(next() * below)
  const boots = Array.from({ length: NASES }, () =>
    Array.from({ length: whole(4) }, () => from + whole(span / 1000) * 1000).sort((a, b) => a - b),
  )
  boots.forEach((times, nas) => {
    for (const at of times) {
      packets.push(packet({ nas: `nas-${nas}`, id: '', mac: '', status: 'Accounting-On', at }))
      if (whole(2) === 0)
        packets.push(packet({ nas: `nas-${nas}`, id: '', mac: '', status: 'Accounting-Off', at: at - 20_000 }))
    }
  })
  for (let index = 0; index < 5000; index++) {
    const nas = whole(NASES)
    const begin = from + whole(span / 1000) * 1000
    const duration = whole(6 * 3600)
    const reboot = boots[nas].find((at) => at >= begin) ?? Infinity
    const mac = whole(20) === 0 ? '' : `mac-${whole(2000)}`
    const base = { nas: `nas-${nas}`, id: `session-${index}`, mac }
    const own: Packet[] = []
    if (whole(10) > 0) own.push(packet({ ...base, status: 'Start', at: begin, time: whole(2) === 0 ? 0 : null }))
    let incoming = 0
    let outgoing = 0
    const report = (status: Packet['status'], seconds: number, cause = '') => {
      // The counters of a NAS begin anew now and then.
      if (whole(15) === 0) incoming = outgoing = 0
      incoming += whole(2 ** 33)
      outgoing += whole(2 ** 20)
      // Some NAS count one direction only.
      const sent = { incoming: whole(30) === 0 ? null : incoming, outgoing: whole(30) === 0 ? null : outgoing }
      own.push(packet({ ...base, ...sent, status, at: begin + seconds * 1000, time: seconds, cause }))
    }
    const interval = 300 + 300 * whole(3)
    for (let seconds = interval; seconds < duration; seconds += interval)
      if (begin + seconds * 1000 < reboot) report('Interim-Update', seconds)
    if (begin + duration * 1000 < reboot && whole(8) > 0)
      report('Stop', duration, ['User-Request', 'Idle-Timeout', 'Lost-Carrier', ''][whole(4)])
    for (const each of own) {
      if (whole(20) === 0 && own.length > 1) continue
      packets.push(each)
      // A repetition by the NAS: the same facts, a second later or not.
      for (let times = whole(4) === 0 ? 1 + whole(2) : 0; times > 0; times--)
        packets.push({ ...each, at: each.at + 1000 * whole(2) })
    }
  }
  // Any order: they come through several workers, out of detail files, from a replay.
  const sent = [...packets]
  for (let index = sent.length - 1; index > 0; index--) {
    const other = whole(index + 1)
    ;[sent[index], sent[other]] = [sent[other], sent[index]]
  }
  await insert(sent, Math.ceil(sent.length / 12))
  await store.command(
    "INSERT INTO gatepost.radius_nas_facts (nas, interval_seconds) SELECT concat('nas-', toString(number)), if(number % 2 = 0, 600, 0) FROM numbers(20)",
  )
  await sleep(5)
  const sessions = await found()
  const intervalOf = (nas: string) => (Number(nas.slice(4)) % 2 === 0 ? 600 : 0)
  const model = plainSessions(packets, Date.now(), 3, intervalOf)
  t.ok(model.length > 4500, `${model.length} sessions of ${packets.length} packets`)
  const states: Record<string, number> = {}
  const keys = new Map(packets.map(({ nas, id }) => [id, nas]))
  for (const expected of model) {
    states[expected.state] = (states[expected.state] ?? 0) + 1
    const actual = sessions.get(`${keys.get(expected.id) as string} ${expected.id}`)
    if (JSON.stringify(actual) !== JSON.stringify(expected)) t.same(actual, expected, expected.id)
  }
  t.comment(states)
  for (const state of ['active', 'stopped', 'nas_restarted', 'superseded', 'timed_out'])
    t.ok((states[state] ?? 0) > 20, `${state}: ${states[state]}`)

  // A replay inserts everything again, in other batches.
  await insert(sent.reverse(), Math.ceil(sent.length / 5))
  const again = await found()
  t.same([...again].filter(([key]) => key.startsWith('nas-')).length, model.length)
  for (const [key, session] of again)
    if (key.startsWith('nas-') && JSON.stringify(session) !== JSON.stringify(sessions.get(key)))
      t.same(session, sessions.get(key), key)
  await store.command('OPTIMIZE TABLE gatepost.radius_session_days FINAL')
  const merged = await found()
  for (const [key, session] of merged)
    if (key.startsWith('nas-') && JSON.stringify(session) !== JSON.stringify(sessions.get(key)))
      t.same(session, sessions.get(key), key)
})
