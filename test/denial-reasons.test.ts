import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { compactAccessLog } from '../access/journal-compaction.ts'
import { FileAccessLog } from '../access/journal-log.ts'
import { takeBack, type AccessEntry, type AccessLog } from '../access/log.ts'
import { sqlTime } from '../common/sql-time.ts'
import { startAccessJob } from '../jobs/policies/access-job.ts'
import { startSessionsJob } from '../jobs/sessions/sessions-job.ts'
import { insertRows } from '../store/insert-rows.ts'
import { openMigratedStore } from './helpers/migrated-store.ts'
import { MemoryAccess } from './helpers/memory-access.ts'

/*
 * Why a session was denied. Symptom: after a kill, sessions that their guests had logged out on the portal's page had ended with no more than `denied`.
 * Root cause: decisions are copied into their table by another job than the one that computes sessions, which looked for the reason too early, and not again;
 * and a denial that was lifted before it was copied was never in the table.
 */
const logger = pino({ level: 'silent' })
const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
t.teardown(() => store.close())
const access = new MemoryAccess()

const FAST = { store, logger, everyMs: 20, leaseSettleMs: 20 }
const mac = (device: number) => `50-A6-7F-84-9C-D${device}`

const denied = (reason: string): AccessEntry => ({
  verdict: 'deny',
  reason,
  until: Date.now() + 3_600_000,
  updatedAt: Date.now(),
})

async function copyDecisions(from: AccessLog = access): Promise<void> {
  const job = startAccessJob({ ...FAST, access: from, policies: [] })
  while (job.stats.looks === 0 && job.stats.failures === 0) await sleep(10)
  await job.stop()
  t.equal(job.stats.failures, 0)
}

async function compute(): Promise<void> {
  const job = startSessionsJob({ ...FAST, timeoutIntervals: 1000, rawDays: 32 })
  while (job.stats.computedUntil === 0 && job.stats.failures === 0) await sleep(10)
  await job.stop()
  t.equal(job.stats.failures, 0)
}

/** As when the job has run for so long that nothing of before is looked at again. */
const timePasses = () =>
  store.command(
    `INSERT INTO gatepost.session_settings (name, value) SELECT 'computed_until', toUnixTimestamp64Milli(now64(3)) + 3600000`,
  )

/** A session that was allowed, and denied at `now`. */
async function denies(id: string, device: number, now = Date.now()): Promise<void> {
  const report = (stage: string, at: number, code: number) => ({
    received_at: sqlTime(at),
    stage,
    gw_id: 'gw',
    mac: mac(device),
    session_id: id,
    auth_code: code,
    own: 1,
    batch_id: randomUUID(),
  })
  await insertRows(
    store,
    'gatepost.gateway_auth (received_at, stage, gw_id, mac, session_id, auth_code, own, batch_id)',
    [report('login', now - 10_000, 1), report('counters', now, 0)],
  )
}

async function reasonOf(id: string): Promise<string | undefined> {
  const [row] = await store.query<{ end_reason: string }>(
    'SELECT end_reason FROM gatepost.sessions WHERE session_id = {id:String}',
    { id },
  )
  return row?.end_reason
}

t.test('a decision that is copied after the session was computed', async (t) => {
  await copyDecisions()
  await compute()
  await access.put('session:page', denied('logged_out'))
  await access.put('session:operator', denied('noise'))
  for (const [device, id] of ['page', 'operator', 'nobody'].entries()) await denies(id, device)
  await compute()
  await timePasses()
  t.equal(await reasonOf('page'), 'denied', 'not known yet')
  await compute()
  t.equal(await reasonOf('page'), 'denied', 'nor later without the decision')
  await timePasses()
  await copyDecisions()
  await compute()
  t.equal(await reasonOf('page'), 'logged_out')
  t.equal(await reasonOf('operator'), 'revoked')
  t.equal(await reasonOf('nobody'), 'denied', 'nobody decided anything about it')
  await access.put('session:page', null)
  await copyDecisions()
  await compute()
  t.equal(await reasonOf('page'), 'logged_out', 'for good')
})

t.test('a denial that was lifted before it was copied', async (t) => {
  const job = startAccessJob({ ...FAST, access, policies: [] })
  while (job.stats.looks === 0) await sleep(10)
  void access.put(`mac:${mac(4)}`, denied('noise'))
  void takeBack(access, `mac:${mac(4)}`, Date.now())
  const looks = job.stats.looks
  await denies('short', 4)
  while (job.stats.looks < looks + 2) await sleep(10)
  await job.stop()
  await compute()
  t.equal(await reasonOf('short'), 'revoked')
  t.same(
    await store.query("SELECT subject FROM gatepost.access_control WHERE subject LIKE 'mac:%'"),
    [],
    'it is not in force',
  )
})

t.test('a denial that was lifted, and its process killed, before it was copied', async (t) => {
  const directory = t.testdir()
  const command = await FileAccessLog.open(directory, logger)
  await command.put(`mac:${mac(6)}`, denied('noise'))
  await denies('killed', 6)
  t.ok(await takeBack(command, `mac:${mac(6)}`, Date.now()))
  t.notOk(await takeBack(command, `mac:${mac(6)}`, Date.now()), 'it is not in force any more')
  await command.close()
  // As each start does.
  await compactAccessLog(directory, Date.now())
  const started = await FileAccessLog.open(directory, logger)
  t.teardown(() => started.close())
  await copyDecisions(started)
  await compute()
  t.equal(await reasonOf('killed'), 'revoked')
  await copyDecisions(access)
  t.same(
    await store.query("SELECT subject FROM gatepost.access_control WHERE subject LIKE 'mac:%'"),
    [],
    'it is not in force',
  )
})

t.test('a denial that was lifted before explains nothing', async (t) => {
  await access.put(`mac:${mac(5)}`, denied('noise'))
  await copyDecisions()
  await takeBack(access, `mac:${mac(5)}`, Date.now())
  await copyDecisions()
  await denies('later', 5, Date.now() + 3000)
  await compute()
  t.equal(await reasonOf('later'), 'denied')
})
