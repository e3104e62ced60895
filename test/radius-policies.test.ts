import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../common/logger.ts'
import { packageFile } from '../common/package-root.ts'
import { startAccessJob } from '../jobs/policies/access-job.ts'
import { readPolicies } from '../runtime/config/policies.ts'
import { makeBatch, unsigned, type Fields } from '../schemas/test/records.ts'
import { openMigratedStore } from './helpers/migrated-store.ts'
import { MemoryAccess } from './helpers/memory-access.ts'
import { until } from './helpers/until.ts'

/*
 * Quotas of sessions that RADIUS accounting reports, with the real engine.
 *
 * Symptom: an account's quota of a day never counted what its device moved at a RADIUS access point.
 * Root cause: the policies read tables that hold reports of WiFiDog gateways only.
 */

const logger = createLogger('radius-policies-test')
logger.level = 'silent'
const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
t.teardown(() => store.close())

const GB = 1_000_000_000
const DAY = 86_400_000
const now = Date.now()
const midnight = Math.floor(now / DAY) * DAY

interface Packet {
  readonly id: string
  readonly user: string
  readonly at: number
  readonly seconds: number
  readonly incoming: number
  readonly status?: string
}

async function account(packets: readonly Packet[]): Promise<void> {
  // One batch belongs to one month.
  for (const packet of packets) {
    const { id, user, at, seconds, incoming, status = 'Interim-Update' } = packet
    const fields: Fields = {
      received_at: at,
      event_at: at,
      status_type: status,
      nas: 'lobby',
      unique_id: id,
      mac: `mac of ${id}`,
      username: user,
      session_time: unsigned(BigInt(seconds)),
      output_octets: unsigned(BigInt(incoming)),
      input_octets: unsigned(0n),
      terminate_cause: '',
    }
    const batch = makeBatch('radius_accounting', at, [fields])
    await store.insertOnce('radius_accounting', [{ ...batch, minReceivedAt: at, maxReceivedAt: at }])
  }
}

t.test('the example policies count what RADIUS sessions move', async (t) => {
  const at = Math.max(midnight, now - 60_000)
  await account([
    { id: 'little', user: 'alice', at, seconds: 60, incoming: 0.3 * GB },
    { id: 'over', user: 'bob', at, seconds: 60, incoming: 2 * GB + 1 },
    // Its counters began anew: 2.4 GB.
    { id: 'again', user: 'carol', at: at - 2, seconds: 58, incoming: 1.5 * GB },
    { id: 'again', user: 'carol', at, seconds: 60, incoming: 0.9 * GB },
    // Of yesterday: the session is over its quota, the account is not over that of today.
    { id: 'yesterday', user: 'dave', at: midnight - 3_600_000, seconds: 60, incoming: 5 * GB },
    { id: 'yesterday', user: 'dave', at, seconds: 60 + Math.round((at - midnight) / 1000) + 3600, incoming: 5.2 * GB },
    ...[1, 2, 3, 4].map((device) => ({ id: `device-${device}`, user: 'erin', at: at - 10 + device, seconds: 5, incoming: 1.4 * GB })), // prettier-ignore
  ])
  const policies = readPolicies(packageFile('deploy/policies.example.yaml'))
  const access = new MemoryAccess()
  const job = startAccessJob({ store, access, policies, logger, everyMs: 20, leaseSettleMs: 20 })
  t.ok(await until(() => job.stats.looks > 0 || job.stats.failures > 0))
  await job.stop()
  for (const [name, { failures }] of job.stats.policies) t.equal(failures, 0, name)
  const denied = access.written
    // Whether a session since yesterday is four hours old today depends on the time of day.
    .filter(([subject, entry]) => entry?.verdict === 'deny' && !subject.startsWith('mac:'))
    .map(([subject, entry]) => [subject, entry?.reason])
    .sort()
  t.same(denied, [
    ['account:erin', 'quota:account-5gb-a-day'],
    ['session:again', 'quota:session-2gb'],
    ['session:device-4', 'quota:three-devices'],
    ['session:over', 'quota:session-2gb'],
    ['session:yesterday', 'quota:session-2gb'],
  ])
  t.match(access.get('quota:account:carol', now)?.data, { 'account-5gb-a-day': { used: 2.4 * GB } })
})

t.test('bytes by the hour add up to those of the session', async (t) => {
  t.same(
    await store.query(
      `SELECT hours.session_id AS id, hours.mac AS mac, hours.source AS source, toUInt64(sum(hours.incoming)) = any(one.incoming) AS same,
         toUInt32(uniqExact(hours.hour)) AS hours
       FROM gatepost.session_traffic AS hours INNER JOIN gatepost.radius_sessions AS one ON one.session_id = hours.session_id
       WHERE hours.session_id IN ('again', 'yesterday') GROUP BY id, mac, source ORDER BY id`,
    ),
    [
      { id: 'again', mac: 'mac of again', source: 'radius', same: 1, hours: 1 },
      { id: 'yesterday', mac: 'mac of yesterday', source: 'radius', same: 1, hours: 2 },
    ],
  )
})
