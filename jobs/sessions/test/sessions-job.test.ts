import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { until } from '../../../test/helpers/until.ts'
import { pino } from 'pino'
import type { Batch } from '../../../schemas/batch.ts'
import { openMigratedStore } from '../../../test/helpers/migrated-store.ts'
import { DEFAULT_RETENTION } from '../../../store/retention.ts'
import { makeBatch, type Fields } from '../../../schemas/test/records.ts'
import { emptyStats, type StreamStats } from '../../../aggregator/stats.ts'
import { storeGather } from '../../../aggregator/store-gather.ts'
import { startSessionsJob } from '../sessions-job.ts'
import { plainBytes, type Report } from './plain-bytes.ts'
import { plainState, type Life } from './plain-end.ts'

/* The view `sessions` against the rules of docs/sessions.md, with the real engine. */
const logger = pino({ level: process.env['GATEPOST_LOG_LEVEL'] ?? 'silent' })
const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
t.teardown(() => store.close())

/** A whole second: restarts of gateways are known to the second. */
const NOW = Math.floor(Date.now() / 1000) * 1000
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

/** Runs until all rows in the tables are processed. What the last run computed is not computed again. */
async function keep(rawDays = 32): Promise<void> {
  const from = Date.now()
  const pace = { everyMs: 50, lookBackMs: 0, leaseSettleMs: 20 }
  const job = startSessionsJob({ store, timeoutIntervals: 3, rawDays, logger, ...pace })
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

const seconds = (from: number, to: number) => fc.integer({ min: from, max: to }).map((second) => NOW - second * 1000)
/** Minutes ago, so that nothing ends while the test runs. */
const past = seconds(400, 9000)
const answered = fc.record({
  at: fc.oneof(past, seconds(10, 40)),
  stage: fc.constantFrom('login' as const, 'counters' as const, 'counters' as const, 'logout' as const),
  code: fc.constantFrom(1, 1, 1, 5, 0, 6),
})
const lifeOf = fc.record({
  reports: fc.uniqueArray(answered, { selector: ({ at }) => at, minLength: 0, maxLength: 8 }),
  rivals: fc.array(past, { maxLength: 3 }),
  // At least ten minutes apart: a program that has not run for longer than the one before was not seen to restart.
  restarts: fc.uniqueArray(
    fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 300 }))
      .map(([quarter, second]) => NOW - quarter * 15 * MINUTE - second * 1000),
    { selector: (at) => Math.ceil((NOW - at) / (15 * MINUTE)), maxLength: 2 },
  ),
  token: fc.option(
    fc.record({
      useBy: fc.oneof(past, fc.constant(NOW + HOUR)),
      ends: fc.oneof(past, fc.constant(NOW + HOUR), fc.constant(NOW + HOUR)),
    }),
  ),
  timeoutMs: fc.constant(3 * MINUTE),
})

/** A denial at the moment at which the session's time is over. */
const DENIED_AT_ITS_END: Life = {
  reports: [{ at: NOW - HOUR, stage: 'login', code: 0 }],
  rivals: [],
  restarts: [],
  token: { useBy: NOW + HOUR, ends: NOW - HOUR },
  timeoutMs: 3 * MINUTE,
}

/** Regular heartbeats. Most of the gaps between them are a minute. */
const BEATS = [
  ...Array.from({ length: 30 }, (_, minute) => minute),
  ...Array.from({ length: 13 }, (_, ten) => 30 + 10 * ten),
].map((minute) => NOW - minute * MINUTE)

/** Rows of lives, each with a client and a gateway of its own. */
function rowsOf(lives: readonly Life[], prefix: string, beats = BEATS) {
  const rows: object[] = []
  const pings: object[] = []
  const issued: object[] = []
  for (const [index, { reports, rivals, restarts, token }] of lives.entries()) {
    const [id, gateway] = [`${prefix}${index}`, `${prefix}gw-${index}`]
    const mac = `50-A6-7F-${index
      .toString(16)
      .padStart(6, '0')
      .replace(/(..)(..)(..)/, '$1-$2-$3')
      .toUpperCase()}`
    for (const { at, stage, code } of reports)
      rows.push(auth(id, gateway, mac, at, stage, stage === 'logout' ? 0 : code))
    for (const at of rivals) rows.push(auth(`other-${id}`, 'rivals-gw', mac, at, 'login', 1))
    for (const at of [...beats, ...restarts, ...restarts.map((restart) => restart + MINUTE)]) {
      const begun = Math.max(
        NOW - 1000 * MINUTE,
        ...restarts.filter((restart) => restart <= at).map((restart) => restart - 5000),
      )
      pings.push({
        received_at: time(at),
        gw_id: gateway,
        wifidog_uptime: (at - begun) / 1000,
        trusted: 1,
        batch_id: randomUUID(),
      })
    }
    if (token !== null)
      issued.push({
        received_at: time(NOW - 3 * HOUR),
        issued: time(NOW - 3 * HOUR),
        session_id: id,
        gw_id: gateway,
        mac,
        account: 'someone',
        method: 'click',
        use_by: time(token.useBy),
        ends: time(token.ends),
        batch_id: randomUUID(),
      })
  }
  return { rows, pings, issued }
}

/** A new seed in every run; a failure prints it. */
const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/*
 * Symptom: the end of a session moved on with every later login of its client and every restart of its gateway, and its reason changed. Root cause:
 * the latest event of each kind was kept, not the first after the session's last report.
 */
t.test(`states: the first event after the last accepted report, in any order of delivery (seed ${SEED})`, async (t) => {
  const prefix = `state-${SEED}-`
  const lives = [...fc.sample(lifeOf, { numRuns: 300, seed: SEED }), DENIED_AT_ITS_END]
  const { rows, pings, issued } = rowsOf(lives, prefix)
  const [shuffled] = fc.sample(fc.shuffledSubarray(rows, { minLength: rows.length }), { numRuns: 1, seed: SEED })
  await insert('gateway_pings', pings)
  await insert('portal_sessions', issued)
  await insert('gateway_auth', shuffled.slice(0, rows.length / 2))
  await keep()
  await insert('gateway_auth', [...shuffled.slice(rows.length / 2), ...shuffled.slice(0, 100)])
  await keep()
  const found = await sessions(prefix)
  const seen = new Map<string, number>()
  for (const [index, life] of lives.entries()) {
    const session = found.get(`${prefix}${index}`)
    if (life.reports.length === 0 && life.token === null) {
      t.equal(session, undefined)
      continue
    }
    const { state, ended, reason } = plainState(life, NOW)
    seen.set(state, (seen.get(state) ?? 0) + 1)
    const expected = { state, ended: ended === null ? null : time(ended), end_reason: reason }
    if (!t.match(session, expected, `${prefix}${index}`)) t.comment(JSON.stringify(life))
  }
  t.equal(seen.size, 10, `all states: ${JSON.stringify([...seen])}`)
})

t.test('the end of a session stays what it was, whatever follows', async (t) => {
  const login = NOW - 80 * MINUTE
  const life = (reports: Life['reports'], rivals: number[] = [], restarts: number[] = []): Life => ({
    reports: [{ at: login, stage: 'login', code: 1 }, { at: login + MINUTE, stage: 'counters', code: 1 }, ...reports],
    rivals,
    restarts,
    token: null,
    timeoutMs: 3 * MINUTE,
  })
  const rivalAt = login + 2 * MINUTE
  const lives = [
    life([], [rivalAt]),
    life([], [], [rivalAt]),
    life([{ at: rivalAt, stage: 'counters', code: 0 }]),
    life([]),
  ]
  const minutes = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => login + (from + index) * MINUTE)
  const first = rowsOf(lives, 'ended-', minutes(-10, 20))
  for (const [table, rows] of [
    ['gateway_pings', first.pings],
    ['gateway_auth', first.rows],
  ] as const)
    await insert(table, rows)
  await keep()
  const before = await sessions('ended-')
  t.same([...before.values()].map(({ session_id, state, ended }) => [session_id, state, ended]).sort(), [
    ['ended-0', 'superseded', time(rivalAt)],
    ['ended-1', 'gateway_restarted', time(rivalAt)],
    ['ended-2', 'denied', time(rivalAt)],
    ['ended-3', 'timed_out', time(login + 4 * MINUTE)],
  ])
  // Later logins of the client, restarts, denials and a logout.
  const laterAt = [30, 50, 70].map((minutes) => login + minutes * MINUTE)
  const after: Life['reports'] = [
    ...laterAt.map((at) => ({ at: at + 1000, stage: 'counters' as const, code: 6 })),
    { at: login + 75 * MINUTE, stage: 'logout', code: 0 },
  ]
  const second = rowsOf(
    lives.map((each, index) => ({
      ...each,
      // Of the last one the gateway says nothing more.
      reports: index === 3 ? [] : after,
      rivals: laterAt,
      restarts: [...each.restarts, ...laterAt],
    })),
    'ended-',
    minutes(25, 79),
  )
  for (const [table, rows] of [
    ['gateway_pings', second.pings],
    ['gateway_auth', second.rows],
  ] as const)
    await insert(table, rows)
  await keep()
  const still = await sessions('ended-')
  for (const [id, { state, ended, end_reason }] of before) t.match(still.get(id), { state, ended, end_reason }, id)
})

t.test('sessions at a gateway without counters do not time out; a session ends when its time is over', async (t) => {
  const at = NOW - 5 * HOUR
  await insert('gateway_auth', [auth('quiet', 'quiet-gw', 'AA-AA-AA-AA-AA-01', at, 'login', 1)])
  const issued = (id: string, gateway: string) => ({
    received_at: time(at),
    issued: time(at),
    session_id: id,
    gw_id: gateway,
    use_by: time(at + MINUTE),
    ends: time(at + HOUR),
    batch_id: randomUUID(),
  })
  await insert('portal_sessions', [issued('limited', 'limited-gw'), issued('limited-quiet', 'quiet-gw')])
  // This gateway sends no gw_id. Of the second session nothing more is heard.
  await insert('gateway_auth', [
    auth('limited', '', 'AA-AA-AA-AA-AA-02', at, 'login', 1),
    auth('limited', '', 'AA-AA-AA-AA-AA-02', at + HOUR - MINUTE, 'counters', 1),
    auth('limited', '', 'AA-AA-AA-AA-AA-02', at + HOUR + 1000, 'counters', 0),
    auth('limited-quiet', 'quiet-gw', 'AA-AA-AA-AA-AA-07', at, 'login', 1),
  ])
  await keep()
  t.match((await sessions('quiet')).get('quiet'), { state: 'active', ended: null })
  const found = await sessions('limited')
  const over = { state: 'session_limit', end_reason: 'session_limit', ended: time(at + HOUR) }
  t.match(found.get('limited'), { ...over, gw_id: 'limited-gw', mac: 'AA-AA-AA-AA-AA-02' })
  t.match(found.get('limited-quiet'), over, 'whether or not a report comes')
})

t.test('sessions of old reports that arrive late time out by the interval that their gateway had', async (t) => {
  await keep()
  const options = {
    store,
    timeoutIntervals: 3,
    rawDays: 32,
    logger,
    everyMs: 50,
    lookBackMs: 0,
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
  await until(async () => (await look())?.state === 'timed_out', 500)
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
  at: fc.integer({ min: 0, max: 60 }).map((step) => NOW - 6 * HOUR + step * 3 * MINUTE),
  stage: fc.constantFrom(
    'login' as const,
    'counters' as const,
    'counters' as const,
    'counters' as const,
    'logout' as const,
  ),
  incoming: value,
  outgoing: value,
  incoming6: fc.option(value, { freq: 1 }),
  outgoing6: fc.option(value, { freq: 1 }),
  online: fc.option(fc.integer({ min: 0, max: 20_000 })),
})
/** Some dialects send a connection time with every report, some with none. */
const life = fc.record({
  narrow: fc.boolean(),
  timed: fc.boolean(),
  reports: fc.array(report, { minLength: 1, maxLength: 25 }),
})

/** Reports as ingest batches them: a batch holds the reports of many sessions at one time. */
function batchesOf(lives: readonly (readonly Report[])[], prefix: string): Batch[] {
  const records = new Map<string, { at: number; records: object[] }>()
  for (const [index, reports] of lives.entries()) {
    for (const [place, sent] of reports.entries()) {
      const { at, stage, incoming, outgoing, incoming6, outgoing6, online, narrow } = sent
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
        extra: {
          ...(online === null ? {} : { [narrow ? 'uptime' : 'online_time']: String(online) }),
          // apfree exchanges the directions.
          ...(incoming6 === null ? {} : { outgoing_bytes_v6: String(incoming6) }),
          ...(outgoing6 === null ? {} : { incoming_bytes_v6: String(outgoing6) }),
        },
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
  const lives = fc.sample(life, { numRuns: 400, seed: SEED }).map(({ narrow, timed, reports }): Report[] => {
    // A dialect with 32-bit counters sends the connection time under another name.
    return reports.map((each) => {
      const online = timed ? each.online : null
      return { ...each, online, narrow: narrow && online !== null }
    })
  })
  const batches = batchesOf(lives, prefix)
  // In random order, most of them twice, with the tables computed in between.
  const [order] = fc.sample(fc.shuffledSubarray([...batches, ...batches], { minLength: batches.length * 2 }), {
    numRuns: 1,
    seed: SEED,
  })
  const gathers = 3
  for (let gather = 0; gather < gathers; gather++) {
    await deliver(order.filter((_, index) => index % gathers === gather))
    await keep()
  }
  const found = await sessions(prefix)
  t.equal(found.size, lives.length)
  for (const [index, reports] of lives.entries()) {
    const session = found.get(`${prefix}${index}`)
    const expected = {
      incoming: (plainBytes(reports, 'incoming') + plainBytes(reports, 'incoming6')).toString(),
      outgoing: (plainBytes(reports, 'outgoing') + plainBytes(reports, 'outgoing6')).toString(),
      reports: reports.filter(({ stage }) => stage === 'counters').length.toString(),
    }
    if (!t.match(session, expected))
      t.comment(JSON.stringify(reports, (_, each: unknown) => (typeof each === 'bigint' ? each.toString() : each)))
  }
})

t.test(`bytes: reports received in another order than sent do not raise the sums (seed ${SEED})`, async (t) => {
  const prefix = `late-${SEED}-`
  // Connections of a client, one after the other: each begins with a login, and its counters only rise. A report is overtaken by at most two
  // later ones: three that rise from below look like a counter that was reset.
  const connection = fc
    .tuple(
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 40n }), { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.constantFrom([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0])),
    )
    .map(([gains, orders]) => {
      let sum = 0n
      const sent = gains.map((gain) => (sum += gain))
      const received: bigint[] = []
      for (let first = 0; first < sent.length; first += 3) {
        const [order] = orders.take(1)
        const three = sent.slice(first, first + 3)
        received.push(...order.flatMap((place) => three.slice(place, place + 1)))
      }
      return received
    })
  const lives = fc.sample(fc.array(connection, { minLength: 1, maxLength: 3 }), { numRuns: 400, seed: SEED })
  const reports = lives.map((connections): Report[] => {
    let at = NOW - 6 * HOUR
    const next = (stage: Report['stage'], bytes: bigint | null): Report => {
      at += 5 * MINUTE
      return {
        at,
        stage,
        incoming: bytes,
        outgoing: bytes,
        incoming6: bytes,
        outgoing6: null,
        online: null,
        narrow: false,
      }
    }
    return connections.flatMap((received) => [next('login', null), ...received.map((bytes) => next('counters', bytes))])
  })
  await deliver(batchesOf(reports, prefix))
  await keep()
  const found = await sessions(prefix)
  for (const [index, connections] of lives.entries()) {
    const sent = connections.reduce((sum, bytes) => sum + bytes.reduce((a, b) => (a > b ? a : b)), 0n)
    const { incoming, outgoing } = found.get(`${prefix}${index}`) as Session
    t.ok(BigInt(incoming) <= 2n * sent && BigInt(outgoing) <= sent, `${incoming} of ${sent}`)
  }
})

t.test('a second computation gives the same result', async (t) => {
  // A session may time out while the test runs.
  const untimed = async () => {
    const found = await sessions('')
    // Part of its raw rows are gone.
    found.delete('kept')
    return [...found].map(([id, session]) => {
      const mayTimeOut = ['timed_out', 'active', 'validating'].includes(session.state)
      return [id, mayTimeOut ? { ...session, state: 'active', end_reason: null, ended: null } : session] as const
    })
  }
  const before = await untimed()
  await store.command('TRUNCATE TABLE gatepost.session_settings')
  await store.command(
    `INSERT INTO gatepost.session_touches (bucket, hour, session_id, gw_id, touched_at)
     SELECT toStartOfFiveMinutes(now('UTC')), hour, session_id, gw_id, now64(3, 'UTC') FROM gatepost.session_touches`,
  )
  await keep()
  t.same((await untimed()).sort(), before.sort())
})
