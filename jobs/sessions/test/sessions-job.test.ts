import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { until } from '../../../test/helpers/until.ts'
import { pino } from 'pino'
import type { Batch } from '../../../schemas/batch.ts'
import { openEmbeddedStore } from '../../../store/embedded/open.ts'
import { DEFAULT_RETENTION } from '../../../store/retention.ts'
import { makeBatch, type Fields } from '../../../schemas/test/records.ts'
import { emptyStats, type StreamStats } from '../../../aggregator/stats.ts'
import { storeGather } from '../../../aggregator/store-gather.ts'
import { startSessionsJob } from '../sessions-job.ts'
import { plainBytes, type Report } from './plain-bytes.ts'

/* The view `sessions` against the rules of docs/sessions.md, with the real engine. */
const logger = pino({ level: process.env['GATEPOST_LOG_LEVEL'] ?? 'silent' })
const store = await openEmbeddedStore({ path: join(t.testdir(), 'store'), logger })
t.teardown(() => store.close())
await store.migrate()

const NOW = Date.now()
const MINUTE = 60_000
const HOUR = 60 * MINUTE

function time(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 23)
}

async function insert(table: string, rows: readonly object[]): Promise<void> {
  if (rows.length === 0) return
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].join(', ')
  for (let first = 0; first < rows.length; first += 2000) {
    const lines = rows.slice(first, first + 2000).map((row) => JSON.stringify(row))
    await store.command(`INSERT INTO gatepost.${table} (${columns}) FORMAT JSONEachRow\n${lines.join('\n')}\n`)
  }
}

/** Runs until all rows in the tables are processed. */
async function keep(rawDays = 32): Promise<void> {
  const from = Date.now()
  const job = startSessionsJob({ store, timeoutIntervals: 3, rawDays, logger, everyMs: 50, leaseSettleMs: 20 })
  while (job.stats.computedUntil <= from && job.stats.failures === 0) await sleep(20)
  await job.stop()
  if (job.stats.failures > 0) throw new Error('the job failed')
}

interface Session {
  readonly session_id: string
  readonly state: string
  readonly end_reason: string | null
  readonly ended: string | null
  readonly incoming: string
  readonly outgoing: string
  readonly reports: string
  readonly issued: string | null
  readonly account: string
  readonly gw_id: string
  readonly mac: string
}

async function sessions(prefix: string): Promise<Map<string, Session>> {
  const rows = await store.query<Session>(
    `SELECT session_id, state, end_reason, toString(ended) AS ended, toString(incoming) AS incoming, toString(outgoing) AS outgoing,
       toString(reports) AS reports, toString(issued) AS issued, account, gw_id, mac
     FROM gatepost.sessions WHERE startsWith(session_id, {prefix:String})`,
    { prefix },
  )
  return new Map(rows.map((row) => [row.session_id, row]))
}

const auth = (session: string, gateway: string, mac: string, at: number, stage: string, code: number) => ({
  received_at: time(at),
  stage,
  gw_id: gateway,
  mac,
  session_id: session,
  incoming: null as string | null,
  outgoing: null as string | null,
  auth_code: code,
  own: 1,
  batch_id: randomUUID(),
  batch_index: 0,
})

/* docs/sessions.md, "State": the first line that applies counts. */
const STATES = ['logged_out', 'denied', 'superseded', 'gateway_restarted', 'timed_out', 'validating'] as const
const WITHOUT_LOGIN = ['logged_out', 'denied', 'expired'] as const

t.test('states: every combination of events of a session', async (t) => {
  const rows: object[] = []
  const pings: object[] = []
  const issued: object[] = []
  const expected = new Map<string, string>()
  const mac = (index: number) =>
    `50-A6-7F-84-${index
      .toString(16)
      .padStart(4, '0')
      .replace(/(..)(..)/, '$1-$2')
      .toUpperCase()}`
  const beat = (gateway: string, at: number, uptime: number) =>
    pings.push({ received_at: time(at), gw_id: gateway, wifidog_uptime: uptime, trusted: 1, batch_id: randomUUID() })

  for (let set = 0; set < 2 ** STATES.length; set++) {
    const holds = STATES.filter((_, bit) => (set >> bit) % 2 === 1)
    const has = (state: (typeof STATES)[number]) => holds.includes(state)
    const [id, gateway] = [`state-${set}`, `state-gw-${set}`]
    // Intervals are one minute long; after three of them a session times out.
    const ok = NOW - (has('timed_out') ? 10 * MINUTE : 20_000)
    rows.push(auth(id, gateway, mac(set), ok - 2000, 'counters', 1))
    rows.push(auth(id, gateway, mac(set), ok, 'login', has('validating') ? 5 : 1))
    if (has('logged_out')) rows.push(auth(id, gateway, mac(set), ok + 6000, 'logout', 0))
    if (has('denied')) rows.push(auth(id, gateway, mac(set), ok + 5000, 'counters', set % 2 === 0 ? 0 : 6))
    if (has('superseded')) rows.push(auth(`other-${set}`, gateway, mac(set), ok + 3000, 'login', 1))
    const restart = ok + 4000
    for (let at = NOW - 60 * MINUTE; at < NOW; at += MINUTE) {
      const restarted = has('gateway_restarted') && at > restart
      if (!restarted) beat(gateway, at, (at - NOW + 100 * MINUTE) / 1000)
    }
    if (has('gateway_restarted')) beat(gateway, restart + 5000, 5)
    expected.set(id, holds[0] ?? 'active')
  }
  for (let set = 0; set < 2 ** WITHOUT_LOGIN.length; set++) {
    const holds = WITHOUT_LOGIN.filter((_, bit) => (set >> bit) % 2 === 1)
    const id = `state-none-${set}`
    const begun = NOW - 20 * MINUTE
    const useBy = holds.includes('expired') ? NOW - 10 * MINUTE : NOW + HOUR
    issued.push({
      received_at: time(begun),
      issued: time(begun),
      session_id: id,
      gw_id: 'state-gw-none',
      mac: mac(1000 + set),
      account: 'someone',
      method: 'click',
      use_by: time(useBy),
      ends: time(NOW + 24 * HOUR),
      batch_id: randomUUID(),
    })
    if (holds.includes('denied')) rows.push(auth(id, 'state-gw-none', mac(1000 + set), begun + 1000, 'login', 0))
    if (holds.includes('logged_out')) rows.push(auth(id, 'state-gw-none', mac(1000 + set), begun + 2000, 'logout', 0))
    expected.set(id, holds[0] ?? 'issued')
  }
  await insert('gateway_pings', pings)
  await insert('portal_sessions', issued)
  await insert('gateway_auth', rows)
  await keep()
  const found = await sessions('state-')
  t.equal(found.size, expected.size)
  for (const [id, state] of expected) {
    const session = found.get(id)
    t.equal(session?.state, state, id)
    const over = !['issued', 'active', 'validating'].includes(state)
    t.equal(session?.end_reason, over ? state : null)
    t.equal(session?.ended !== null, over)
    t.equal(session?.issued !== null, id.includes('none'), 'only the portal issues tokens')
  }
})

t.test('sessions at a gateway without counters do not time out; a session ends when its time is over', async (t) => {
  const at = NOW - 5 * HOUR
  await insert('gateway_auth', [auth('quiet', 'quiet-gw', 'AA-AA-AA-AA-AA-01', at, 'login', 1)])
  await insert('portal_sessions', [
    {
      received_at: time(at),
      issued: time(at),
      session_id: 'limited',
      gw_id: 'limited-gw',
      use_by: time(at + MINUTE),
      ends: time(at + HOUR),
      batch_id: randomUUID(),
    },
  ])
  // This gateway sends no gw_id.
  await insert('gateway_auth', [
    auth('limited', '', 'AA-AA-AA-AA-AA-02', at, 'login', 1),
    auth('limited', '', 'AA-AA-AA-AA-AA-02', at + HOUR + 1000, 'counters', 0),
  ])
  await keep()
  t.match((await sessions('quiet')).get('quiet'), { state: 'active', ended: null })
  t.match((await sessions('limited')).get('limited'), {
    state: 'denied',
    end_reason: 'session_limit',
    gw_id: 'limited-gw',
    mac: 'AA-AA-AA-AA-AA-02',
  })
})

t.test('sessions of old reports that arrive late time out by the interval that their gateway had', async (t) => {
  await keep()
  const options = {
    store,
    timeoutIntervals: 3,
    rawDays: 32,
    logger,
    everyMs: 50,
    gatewaysEveryMs: 50,
    leaseSettleMs: 20,
  }
  const job = startSessionsJob(options)
  t.teardown(() => job.stop())
  await insert('session_gateway_facts', [{ gw_id: 'old-gw', interval_seconds: 1800 }])
  const at = NOW - 100 * HOUR
  await insert('gateway_auth', [
    auth('old', 'old-gw', 'AA-AA-AA-AA-AA-08', at, 'login', 1),
    { ...auth('old', 'old-gw', 'AA-AA-AA-AA-AA-08', at + MINUTE, 'counters', 1), incoming: '1', outgoing: '1' },
  ])
  const look = async () => (await sessions('old')).get('old')
  await until(async () => (await look())?.state === 'timed_out')
  t.match(await look(), { state: 'timed_out', ended: time(at + MINUTE + 3 * 1800 * 1000) })
})

t.test('an hour whose raw rows have expired in part is not computed again', async (t) => {
  const at = NOW - 30 * HOUR
  const counters = (incoming: string, after: number) => ({
    ...auth('kept', 'kept-gw', 'AA-AA-AA-AA-AA-09', at + after, 'counters', 1),
    incoming,
    outgoing: incoming,
  })
  await insert('gateway_auth', [counters('1000', 0), counters('5000', 1000)])
  await keep()
  t.match((await sessions('kept')).get('kept'), { incoming: '5000', reports: '2' })
  await store.command(`ALTER TABLE gatepost.gateway_auth DELETE WHERE session_id = 'kept' SETTINGS mutations_sync = 2`)
  await insert('gateway_auth', [counters('1500', 500)])
  await keep(1)
  t.match((await sessions('kept')).get('kept'), { incoming: '5000', reports: '2' })
})

const value = fc.option(
  fc.oneof(
    fc.bigInt({ min: 0n, max: 5000n }),
    fc.bigInt({ min: 0n, max: 2n ** 33n }),
    fc.constantFrom(0n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 31n),
  ),
  { freq: 8 },
)
const report = fc.record({
  // A few distinct times over several hours, so that reports coincide.
  at: fc.integer({ min: 0, max: 60 }).map((step) => NOW - 6 * HOUR + step * 5 * MINUTE),
  stage: fc.constantFrom(
    'login' as const,
    'counters' as const,
    'counters' as const,
    'counters' as const,
    'logout' as const,
  ),
  incoming: value,
  outgoing: value,
  online: fc.option(fc.integer({ min: 0, max: 20_000 })),
})
const life = fc.record({ narrow: fc.boolean(), reports: fc.array(report, { minLength: 1, maxLength: 25 }) })

/** A new seed in every run; a failure prints it. */
const SEED = Math.floor(Math.random() * 2 ** 31)

/** Reports as ingest batches them: a batch holds the reports of many sessions at one time. */
function batchesOf(lives: readonly (readonly Report[])[], prefix: string): Batch[] {
  const records = new Map<string, { at: number; records: object[] }>()
  for (const [index, reports] of lives.entries()) {
    for (const [place, { at, stage, incoming, outgoing, online, narrow }] of reports.entries()) {
      // Two batches for each time, so that reports of one time are inserted separately.
      const key = `${at} ${place % 2}`
      const batch = records.get(key) ?? { at, records: [] }
      records.set(key, batch)
      batch.records.push({
        stage,
        gw_id: `${prefix}gw-${index % 7}`,
        mac: 'AA-AA-AA-AA-AA-03',
        session_id: `${prefix}${index}`,
        incoming,
        outgoing,
        auth_code: 1,
        own: true,
        extra: online === null ? {} : { [narrow ? 'uptime' : 'online_time']: String(online) },
      })
    }
  }
  return [...records.values()].map(({ at, records }) => makeBatch('gateway_auth', at, records as Fields[]))
}

/** Inserts batches as the aggregator does, in this order. */
async function deliver(batches: readonly Batch[]): Promise<void> {
  const ownerships = [await store.takeOwnership('gateway_auth', 'sessions-test', null)]
  const stats = emptyStats().get('gateway_auth') as StreamStats
  await storeGather(store, 'gateway_auth', batches, ownerships, DEFAULT_RETENTION, stats)
}

t.test(`bytes: repeated and shuffled batches give the same sums as reports in order (seed ${SEED})`, async (t) => {
  const prefix = `bytes-${SEED}-`
  const lives = fc.sample(life, { numRuns: 400, seed: SEED }).map(({ narrow, reports }): Report[] => {
    // A dialect with 32-bit counters sends the connection time under another name.
    return reports.map((each) => ({ ...each, narrow: narrow && each.online !== null }))
  })
  const batches = batchesOf(lives, prefix)
  // In random order, most of them twice, with the tables computed in between.
  const [order] = fc.sample(fc.shuffledSubarray([...batches, ...batches], { minLength: batches.length * 2 }), {
    numRuns: 1,
    seed: SEED,
  })
  const gathers = 5
  for (let gather = 0; gather < gathers; gather++) {
    await deliver(order.filter((_, index) => index % gathers === gather))
    await keep()
  }
  const found = await sessions(prefix)
  t.equal(found.size, lives.length)
  for (const [index, reports] of lives.entries()) {
    const session = found.get(`${prefix}${index}`)
    const expected = {
      incoming: plainBytes(reports, 'incoming').toString(),
      outgoing: plainBytes(reports, 'outgoing').toString(),
      reports: reports.filter(({ stage }) => stage === 'counters').length.toString(),
    }
    if (!t.match(session, expected))
      t.comment(JSON.stringify(reports, (_, each: unknown) => (typeof each === 'bigint' ? each.toString() : each)))
  }
})

t.test(`bytes: reports received in another order than sent do not raise the sums (seed ${SEED})`, async (t) => {
  const prefix = `late-${SEED}-`
  // Connections of a client, one after the other: each begins with a login, and its counters only rise.
  const connection = fc.array(fc.bigInt({ min: 0n, max: 2n ** 40n }), { minLength: 1, maxLength: 8 }).chain((gains) => {
    let sum = 0n
    return fc.shuffledSubarray(
      gains.map((gain) => (sum += gain)),
      { minLength: gains.length },
    )
  })
  const lives = fc.sample(fc.array(connection, { minLength: 1, maxLength: 3 }), { numRuns: 400, seed: SEED })
  const reports = lives.map((connections): Report[] => {
    let at = NOW - 6 * HOUR
    const next = (stage: Report['stage'], bytes: bigint | null): Report => {
      at += 5 * MINUTE
      return { at, stage, incoming: bytes, outgoing: bytes, online: null, narrow: false }
    }
    return connections.flatMap((received) => [next('login', null), ...received.map((bytes) => next('counters', bytes))])
  })
  await deliver(batchesOf(reports, prefix))
  await keep()
  const found = await sessions(prefix)
  for (const [index, connections] of lives.entries()) {
    const sent = connections.reduce((sum, bytes) => sum + bytes.reduce((a, b) => (a > b ? a : b)), 0n)
    const { incoming, outgoing } = found.get(`${prefix}${index}`) as Session
    t.ok(BigInt(incoming) <= sent && BigInt(outgoing) <= sent, `${incoming} of ${sent}`)
  }
})

t.test('a second computation gives the same result', async (t) => {
  // A session may time out while the test runs.
  const untimed = async () =>
    [...(await sessions(''))].map(([id, session]) => {
      const timedOut = session.end_reason === 'timed_out'
      return [id, timedOut ? { ...session, state: 'active', end_reason: null, ended: null } : session] as const
    })
  const before = await untimed()
  await store.command('TRUNCATE TABLE gatepost.session_settings')
  await store.command(
    `INSERT INTO gatepost.session_touches (bucket, hour, session_id, gw_id, touched_at)
     SELECT toStartOfFiveMinutes(now('UTC')), hour, session_id, gw_id, now64(3, 'UTC') FROM gatepost.session_touches`,
  )
  await keep()
  t.same((await untimed()).sort(), before.sort())
})
