import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { computeSessions } from '../helpers/compute-sessions.ts'
import { pino } from 'pino'
import type { Limit } from '../../access/limits.ts'
import { SUBJECTS } from '../../access/subjects.ts'
import { createVouchers, revokeVoucher, voucherAccount } from '../../access/vouchers.ts'
import { sqlTime } from '../../common/sql-time.ts'
import { startAccessJob } from '../../jobs/policies/access-job.ts'
import { openMigratedStore } from '../helpers/migrated-store.ts'
import { insertRows } from '../../store/insert-rows.ts'
import { MemoryAccess } from '../helpers/memory-access.ts'

/* Quotas of vouchers, and of limits of those who log in, with the real engine. */

const GB = 1_000_000_000
const HOUR = 3_600_000
const logger = pino({ level: 'silent' })

interface Moved {
  readonly id: string
  readonly mac: string
  readonly account: string
  readonly method: string
  readonly bytes: number
}

async function storeWith(t: Test, sessions: readonly Moved[]) {
  const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
  t.teardown(() => store.close())
  const now = Date.now()
  // All of it is today (UTC), at any time of the day.
  const began = Math.max(Math.floor(now / 86_400_000) * 86_400_000, now - 60_000)
  await insertRows(
    store,
    'gatepost.portal_sessions (received_at, issued, session_id, gw_id, mac, account, method, use_by, ends, batch_id)',
    sessions.map(({ id, mac, account, method }) => ({
      received_at: sqlTime(began),
      issued: sqlTime(began - 10_000),
      session_id: id,
      gw_id: 'P',
      mac,
      account,
      method,
      use_by: sqlTime(now + 60_000),
      ends: sqlTime(now + HOUR),
      batch_id: randomUUID(),
    })),
  )
  const report = (stage: string, at: number, incoming: number, outgoing: number, { id, mac }: Moved) => ({
    received_at: sqlTime(at),
    stage,
    gw_id: 'P',
    mac,
    session_id: id,
    incoming: String(incoming),
    outgoing: String(outgoing),
    auth_code: 1,
    own: 1,
    batch_id: randomUUID(),
  })
  await insertRows(
    store,
    'gatepost.gateway_auth (received_at, stage, gw_id, mac, session_id, incoming, outgoing, auth_code, own, batch_id)',
    sessions.flatMap((each) => [
      report('login', began, 0, 0, each),
      report('counters', Math.max(began, now - 1000), each.bytes - 1, 1, each),
    ]),
  )
  await computeSessions(t, store, logger)
  return store
}

async function evaluate(
  t: Test,
  store: Awaited<ReturnType<typeof storeWith>>,
  access: MemoryAccess,
  limits: readonly Limit[] = [],
) {
  const job = startAccessJob({ store, access, policies: [], limits, logger, everyMs: 20, leaseSettleMs: 20 })
  while (job.stats.looks === 0 && job.stats.failures === 0) await sleep(10)
  await job.stop()
  t.equal(job.stats.failures, 0)
  for (const [name, { failures }] of job.stats.policies) t.equal(failures, 0, name)
}

const mac = (last: number) => `50-A6-7F-84-9C-0${last}`

t.test('a voucher has a quota, which all its sessions use together', async (t) => {
  const access = new MemoryAccess()
  const now = Date.now()
  const order = { count: 1, validForMs: 24 * HOUR, maxDevices: 2, label: '', now }
  const made = [
    ...(await createVouchers(access, 'secret', { ...order, quotaBytes: 2 * GB })),
    ...(await createVouchers(access, 'secret', { ...order, quotaBytes: 5 * GB })),
    ...(await createVouchers(access, 'secret', order)),
    ...(await createVouchers(access, 'secret', { ...order, quotaBytes: GB })),
  ]
  const [over, within, free, revoked] = made.map(({ id }) => id)
  for (const { id } of made)
    await access.claim(SUBJECTS.voucherStart.of(id), {
      verdict: 'allow',
      reason: '',
      until: null,
      updatedAt: now,
      data: { at: now - HOUR },
    })
  await revokeVoucher(access, revoked, 'lost', now)
  const moved = (id: string, last: number, voucher: string, bytes: number): Moved => ({
    id,
    mac: mac(last),
    account: voucherAccount(voucher),
    method: 'voucher',
    bytes,
  })
  const store = await storeWith(t, [
    moved('a1', 1, over, 1.2 * GB),
    moved('a2', 2, over, 1.2 * GB),
    moved('b', 3, within, 2 * GB),
    moved('c', 4, free, 9 * GB),
    moved('d', 5, revoked, 9 * GB),
  ])
  await evaluate(t, store, access)
  t.match(access.get(`account:${voucherAccount(over)}`, now), {
    verdict: 'deny',
    reason: 'quota:Voucher',
    until: now - HOUR + 24 * HOUR,
  })
  t.match(access.get(`quota:account:${voucherAccount(within)}`, now)?.data, {
    Voucher: { used: 2 * GB, limit: 5 * GB, unit: 'bytes' },
  })
  t.equal(access.get(`account:${voucherAccount(within)}`, now), undefined)
  t.equal(access.get(`account:${voucherAccount(free)}`, now), undefined)
  t.match(access.get(`account:${voucherAccount(revoked)}`, now), { reason: 'lost' })
  const written = access.written.length
  await evaluate(t, store, access)
  t.equal(access.written.length, written, 'a change is not reported again')
})

t.test('limits have quotas: of a session, and of a day of an account or a device', async (t) => {
  const access = new MemoryAccess()
  const now = Date.now()
  const dayEnds = (Math.floor(now / 86_400_000) + 1) * 86_400_000
  const limit = { sessionMs: null, devices: null, wins: 'first', quotaBytes: GB, per: 'day' } as const
  const limits: Limit[] = [
    { ...limit, name: 'friends', of: { kind: 'account', pattern: '*@friends.example' }, quotaBytes: 100 * GB },
    { ...limit, name: 'guests', of: { kind: 'method', method: 'click' } },
    { ...limit, name: 'members', of: { kind: 'method', method: 'account' }, per: 'session' },
    { ...limit, name: 'fair', of: { kind: 'vouchers', pattern: 'fair*' } },
  ]
  const order = { count: 1, validForMs: 24 * HOUR, maxDevices: 2, now }
  const [fair] = await createVouchers(access, 'secret', { ...order, label: 'Fair 2024' })
  const [other] = await createVouchers(access, 'secret', { ...order, label: 'hotel' })
  const moved = (id: string, last: number, method: string, account: string, bytes: number): Moved => ({
    id,
    mac: mac(last),
    account,
    method,
    bytes,
  })
  const ends = now + HOUR
  await access.put('quota:session:m2', { verdict: 'allow', reason: '', until: ends, updatedAt: now, data: {} })
  await access.put('session:c4', { verdict: 'allow', reason: 'the boss', until: null, updatedAt: now })
  const store = await storeWith(t, [
    moved('c1', 1, 'click', '', 0.6 * GB),
    moved('c2', 1, 'click', '', 0.6 * GB),
    moved('c3', 2, 'click', '', 0.5 * GB),
    moved('c4', 3, 'click', '', 2 * GB),
    moved('m1', 4, 'account', 'a@example.org', 0.9 * GB),
    moved('m2', 5, 'account', 'a@example.org', 1.1 * GB),
    moved('f1', 6, 'account', 'b@friends.example', 9 * GB),
    moved('v1', 7, 'voucher', voucherAccount(fair.id), 1.5 * GB),
    moved('v2', 8, 'voucher', voucherAccount(other.id), 9 * GB),
    moved('m3', 1, 'account', 'c@example.org', 0.01 * GB),
  ])
  await evaluate(t, store, access, limits)
  const denied = [...access.entries('session:', now)].filter(([, { verdict }]) => verdict === 'deny')
  t.same(denied.map(([subject, { reason, until }]) => [subject, reason, until]).sort(), [
    ['session:c1', 'quota:guests', dayEnds],
    ['session:c2', 'quota:guests', dayEnds],
    ['session:m2', 'quota:members', ends],
    ['session:v1', 'quota:fair', dayEnds],
  ])
  t.same(
    [...access.entries('spent:', now)].map(([subject, { until, data }]) => [subject, until, data]).sort(),
    [
      [`spent:fair ${voucherAccount(fair.id)}`, dayEnds, { account: voucherAccount(fair.id), mac: '' }],
      [`spent:guests ${mac(1)}`, dayEnds, { account: '', mac: mac(1) }],
      [`spent:guests ${mac(3)}`, dayEnds, { account: '', mac: mac(3) }],
    ],
    'the portal knows whose quota of the day is used up',
  )
  for (const kind of ['mac:', 'account:', 'gateway:']) t.same([...access.entries(kind, now)], [])
  t.match(access.get('quota:session:c3', now)?.data, { guests: { used: 0.5 * GB, limit: GB, unit: 'bytes' } })
  t.match(access.get('quota:session:m1', now)?.data, { members: { used: 0.9 * GB } })
  t.equal(access.get('quota:session:f1', now), undefined, 'less than a tenth is not published')
  const written = access.written.length
  await evaluate(t, store, access, limits)
  t.equal(access.written.length, written, 'a change is not reported again')
})
