import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { computeSessions } from './helpers/compute-sessions.ts'
import { until } from './helpers/until.ts'
import { pino } from 'pino'
import { readPolicies } from '../runtime/config/policies.ts'
import { packageFile } from '../common/package-root.ts'
import { sqlTime } from '../common/sql-time.ts'
import type { AccessEntry } from '../access/log.ts'
import { insertRows } from '../store/insert-rows.ts'
import { openMigratedStore } from './helpers/migrated-store.ts'
import { MemoryAccess } from './helpers/memory-access.ts'
import { startAccessJob } from '../jobs/policies/access-job.ts'
import type { Policy } from '../jobs/policies/policy.ts'

/* Decisions and tables, with the real engine. */
const logger = pino({ level: 'silent' })
const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
t.teardown(() => store.close())

const decided = (verdict: 'allow' | 'deny', reason: string, until: number | null = null): AccessEntry => ({
  verdict,
  reason,
  until,
  updatedAt: Date.now(),
})

/** Runs until it has processed everything. */
async function keep(access: MemoryAccess, policies: readonly Policy[] = []) {
  const job = startAccessJob({ store, access, policies, logger, everyMs: 20, leaseSettleMs: 20 })
  while (job.stats.looks === 0 && job.stats.failures === 0) await sleep(10)
  await job.stop()
  t.equal(job.stats.failures, 0)
  return job.stats
}

const inForce = () => store.query('SELECT subject, verdict, reason FROM gatepost.access_control ORDER BY subject')

t.test('the table has the decisions in force, and no credentials', async (t) => {
  const access = new MemoryAccess()
  await access.put('mac:50-A6-7F-84-9C-D1', decided('deny', "it's \\ \n abuse"))
  await access.put('account:a@example.org', decided('allow', '', Date.now() + 60_000))
  await access.put('session:0011223344556677', decided('deny', 'over', Date.now() - 1000))
  for (const secret of [
    'credential:a@example.org',
    'voucher:12',
    'bind:00',
    'registration:G',
    'quota:session:1',
    'confirmed:1',
  ])
    await access.put(secret, decided('allow', 'secret'))
  await keep(access)
  const both = [
    { subject: 'account:a@example.org', verdict: 'allow', reason: '' },
    { subject: 'mac:50-A6-7F-84-9C-D1', verdict: 'deny', reason: "it's \\ \n abuse" },
  ]
  t.same(await inForce(), both)
  const [{ count }] = await store.query<{ count: number }>(
    'SELECT count()::UInt32 AS count FROM gatepost.access_decisions',
  )
  t.equal(count, 3, 'and what has ended')

  // Another process writes the table from now on, and starts with a log that has changed meanwhile.
  const later = new MemoryAccess()
  await later.put('account:a@example.org', access.get('account:a@example.org', Date.now()) as AccessEntry)
  await later.put('gateway:G', decided('deny', ''))
  await keep(later)
  t.same(await inForce(), [both[0], { subject: 'gateway:G', verdict: 'deny', reason: '' }])
  const rows = await store.query<{ count: number }>(
    `SELECT count()::UInt32 AS count FROM gatepost.access_decisions WHERE subject = 'account:a@example.org'`,
  )
  t.same(rows, [{ count: 1 }], 'entries that the table has already are not written again')

  const job = startAccessJob({ store, access: later, policies: [], logger, everyMs: 20, leaseSettleMs: 20 })
  while (job.stats.looks === 0) await sleep(10)
  await later.put('gateway:G', null)
  await later.put('mac:00-00-00-00-00-01', decided('deny', 'new'))
  const expected = [both[0], { subject: 'mac:00-00-00-00-00-01', verdict: 'deny', reason: 'new' }]
  await until(async () => JSON.stringify(await inForce()) === JSON.stringify(expected))
  t.same(await inForce(), expected, 'and it follows new decisions')
  later.known = false
  await sleep(100)
  await job.stop()
  t.same(await inForce(), expected, 'a log that is not read yet removes no decision')
})

t.test('a confirmed sign-up becomes one account, an unconfirmed one does not', async (t) => {
  const confirmedAt = Date.now() - 60_000
  const credential = (account: string): AccessEntry => ({
    ...decided('allow', ''),
    updatedAt: confirmedAt,
    data: { account, password: 'scrypt$secret', code: '12345678' },
  })
  const imported = {
    username: 'Bob@Example.org',
    contact: '+441',
    sponsor: 'desk',
    created_at: '2024-01-01 00:00:00.000',
  }
  await insertRows(store, 'gatepost.accounts (username, contact, sponsor, created_at)', [imported])
  const accounts = () =>
    store.query(
      'SELECT username, contact, sponsor, toString(created_at) AS created_at FROM gatepost.accounts FINAL ORDER BY username',
    )
  const access = new MemoryAccess()
  await access.put('credential:aa', credential("o'hara@example.org"))
  await access.put('credential:bb', credential('bob@example.org'))
  await access.put('credential:pending:0011', credential('pending@example.org'))
  // Symptom: the entry of a device's session for the captive portal API was taken for a sign-up of its account.
  await access.put('credential:captive:10.0.0.9 gw', credential('voucher-0011'))
  const name = "o'hara@example.org"
  const signedUp = { username: name, contact: name, sponsor: name, created_at: sqlTime(confirmedAt) }
  for (const time of ['first', 'second']) {
    await keep(access)
    t.same(await accounts(), [imported, signedUp], `the ${time} time`)
  }

  // A new password for an account makes no new account; an address without an account does.
  const job = startAccessJob({ store, access, policies: [], logger, everyMs: 20, leaseSettleMs: 20 })
  while (job.stats.looks === 0) await sleep(10)
  await access.put('credential:aa', { ...credential(name), updatedAt: Date.now() })
  await access.put('credential:cc', credential('carol@example.org'))
  await until(async () => (await accounts()).length === 3)
  await job.stop()
  t.match(await accounts(), [imported, { username: 'carol@example.org' }, signedUp])
})

const GB = 1_000_000_000

t.test('the example policies: subjects above a limit are denied, and see before how much is left', async (t) => {
  const now = Date.now()
  // All of it is today (UTC), at any time of the day.
  const day = Math.floor(now / 86_400_000) * 86_400_000
  const began = Math.max(day, now - 60_000)
  const mac = (index: number) => `50-A6-7F-84-9C-${index.toString(16).toUpperCase().padStart(2, '0')}`
  const sessions = [
    { id: 'little', account: 'a', bytes: GB / 10 },
    { id: 'half', account: 'b', bytes: GB },
    { id: 'too-much', account: 'c', bytes: 2 * GB + 1 },
    ...[1, 2, 3, 4].map((device) => ({ id: `device-${device}`, account: 'd', bytes: 1.5 * GB })),
    { id: 'nobody', account: '', bytes: 1 },
  ]
  const issued = sessions.map(({ id, account }, index) => ({
    received_at: sqlTime(began),
    issued: sqlTime(began - 10_000 + index * 1000),
    session_id: id,
    gw_id: 'P',
    mac: mac(index),
    account,
    method: 'account',
    use_by: sqlTime(now + 60_000),
    ends: sqlTime(now + 3_600_000),
    batch_id: randomUUID(),
  }))
  const reports = sessions.flatMap(({ id, bytes }, index) => [
    { id, stage: 'login', at: began, incoming: 0, index },
    { id, stage: 'counters', at: Math.max(began, now - 1000), incoming: bytes, index },
  ])
  await insertRows(
    store,
    'gatepost.portal_sessions (received_at, issued, session_id, gw_id, mac, account, method, use_by, ends, batch_id)',
    issued,
  )
  await insertRows(
    store,
    'gatepost.gateway_auth (received_at, stage, gw_id, mac, session_id, incoming, outgoing, auth_code, own, batch_id)',
    reports.map(({ id, stage, at, incoming, index }) => ({
      received_at: sqlTime(at),
      stage,
      gw_id: 'P',
      mac: mac(index),
      session_id: id,
      incoming: String(incoming),
      outgoing: '0',
      auth_code: 1,
      own: 1,
      batch_id: randomUUID(),
    })),
  )
  await computeSessions(t, store, logger)

  const policies = readPolicies(packageFile('deploy/policies.example.yaml'))
  const access = new MemoryAccess()
  const stats = await keep(access, policies)
  t.same(
    [...stats.policies].map(([name, { failures, overflows }]) => [name, failures, overflows]),
    [...policies.map(({ name }) => name), 'Voucher'].map((name) => [name, 0, 0]),
  )
  const denials = () =>
    access.written
      .filter(([, entry]) => entry?.verdict === 'deny')
      .map(([subject, entry]) => [subject, entry?.reason])
      .sort()
  const expected = [
    ['account:d', 'quota:account-5gb-a-day'],
    ['session:device-4', 'quota:three-devices'],
    ['session:too-much', 'quota:session-2gb'],
  ]
  t.same(denials(), expected)
  t.ok(
    (access.get('account:d', now)?.until as number) % 86_400_000 === 0,
    'the quota of an account starts again at midnight',
  )
  t.match(access.get('quota:session:half', now)?.data, {
    'session-2gb': { used: GB, limit: 2 * GB, unit: 'bytes' },
  })
  t.equal(access.get('quota:session:little', now), undefined, 'less than a tenth is not published')
  t.match(access.get('quota:account:b', now)?.data, { 'account-5gb-a-day': { used: GB } })

  const written = access.written.length
  await keep(access, policies)
  t.equal(access.written.length, written, 'a change is not reported again')

  await access.put('account:d', decided('allow', 'a friend of the house'))
  await keep(access, policies)
  t.equal(access.get('account:d', Date.now())?.verdict, 'allow', 'a decision of an operator wins')
})

t.test('a policy that fails is counted, and the others continue', async (t) => {
  const policy = (name: string, sql: string): Policy => ({
    name,
    deny: 'mac',
    sql,
    limit: 1,
    unit: 'count',
    forMs: null,
    show: true,
  })
  const access = new MemoryAccess()
  const stats = await keep(access, [
    policy('wrong', 'SELECT nothing FROM gatepost.nowhere'),
    policy('right', `SELECT '00-00-00-00-00-07' AS subject, 2 AS used`),
  ])
  t.match(stats.policies.get('wrong'), { failures: 1, denied: 0 })
  t.match(stats.policies.get('right'), { failures: 0, denied: 1 })
  t.equal(access.get('mac:00-00-00-00-00-07', Date.now())?.reason, 'quota:right')
})
