import t from 'tap'
import { replaceLocations } from '../../locations/table.ts'
import type { MetricRequest } from '../metric.ts'
import { fieldsOf } from './compute.ts'
import { addLogins, clear, openEngine, type Login } from '../../test/engine.ts'

/* Hand-computed cases of the metrics of logins; those of account-usage and unique-users are in metric.test.ts. */

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const [HALL, HALL_TOO, LIBRARY, POOL] = ['192.0.2.1', '2001:db8::1', '192.0.2.2', '192.0.2.3']
await replaceLocations(store, [
  { ip: HALL, location_id: 0, name: 'Town hall' },
  { ip: HALL_TOO, location_id: 0, name: 'Town hall' },
  { ip: LIBRARY, location_id: 8, name: 'Library' },
  { ip: POOL, location_id: -3, name: '' },
])

/** A metric of only these logins. */
async function metric(name: string, logins: readonly Login[], request: Partial<MetricRequest> = {}): Promise<unknown> {
  await clear(store)
  await addLogins(store, logins)
  return fieldsOf(store, name, request)
}

const at = (day: string, time = '12:00:00.000') => `${day}T${time}Z`
const DAY = at('2024-06-11')

t.test('active-users counts each user once, whatever the spelling of a site', async (t) => {
  const logins = [
    { at: DAY, user: 'ALICE1', site: HALL },
    { at: DAY, user: 'ALICE1', site: HALL },
    { at: DAY, user: 'BOBBY1' },
    { at: DAY, user: 'CAROL1', success: 0 as const },
    { at: DAY, serial: '4711' },
    { at: at('2024-06-10', '23:59:59.999'), user: 'BEFORE' },
    { at: at('2024-06-12', '00:00:00.000'), user: 'AFTER1' },
  ]
  t.same(await metric('active-users', logins), { users: 2 })
  t.same(await metric('active-users', logins, { period: 'week' }), { users: 3 })
  t.same(await metric('active-users', logins, { date: '2024-06-13' }), { users: 1, complete: false }, 'today so far')
})

t.test('roaming-users were at more than one known location', async (t) => {
  const at2 = (user: string, sites: string[], success: 0 | 1 = 1) =>
    sites.map((site) => ({ at: DAY, user, site, success }))
  t.same(
    await metric('roaming-users', [
      ...at2('TWO001', [HALL, LIBRARY]),
      ...at2('THREE1', [HALL, LIBRARY, POOL]),
      ...at2('ZERO01', [HALL, HALL_TOO]),
      ...at2('SPELL1', ['2001:db8::1', '2001:DB8:0::1', HALL]),
      ...at2('KNOWN1', [LIBRARY, '203.0.113.1', '']),
      ...at2('BELOW1', [POOL, '203.0.113.1']),
      ...at2('UNKNO1', ['203.0.113.1', '203.0.113.2', 'no address']),
      ...at2('REJECT', [HALL, LIBRARY], 0),
      ...at2('HALF01', [HALL]),
      ...at2('HALF01', [LIBRARY], 0),
    ]),
    { active: 8, roaming: 2, cba: 0 },
    'location 0 and unknown sites are no second location',
  )
})

t.test('roaming-users: certificates by serial number and issuer', async (t) => {
  t.same(
    await metric('roaming-users', [
      { at: DAY, serial: '01', issuer: 'CA 1' },
      { at: DAY, serial: '01', issuer: 'CA 1', site: HALL },
      { at: DAY, serial: '01', issuer: 'CA 2' },
      { at: DAY, serial: '02', issuer: '' },
      { at: DAY, serial: '', issuer: 'CA 1' },
      { at: DAY, serial: '03', issuer: 'CA 1', success: 0 },
      { at: DAY, serial: '04', issuer: 'CA 1', user: 'ALICE1' },
    ]),
    { active: 1, roaming: 0, cba: 3 },
  )
})

t.test('user-devices is the mean over users', async (t) => {
  const macs = (user: string, ...macs: string[]) => macs.map((mac) => ({ at: DAY, user, mac, success: 0 as const }))
  t.same(await metric('user-devices', []), { devices: null })
  t.same(await metric('user-devices', [{ at: DAY, mac: 'M1', serial: '01' }]), { devices: null }, 'no user')
  t.same(await metric('user-devices', macs('ALICE1', 'M1', 'M1', 'M2', '')), { devices: 2 })
  t.same(await metric('user-devices', [...macs('ALICE1', 'M1', 'M2'), ...macs('BOBBY1', 'M1')]), { devices: 1.5 })
  t.same(await metric('user-devices', [...macs('ALICE1', 'M1', 'M2', 'M3'), ...macs('BOBBY1', '')]), { devices: 1.5 })
  const many = Array.from({ length: 1000 }, (_, n) => `M${n}`)
  t.same(await metric('user-devices', [...macs('ALICE1', ...many), ...macs('BOBBY1', 'M1')]), { devices: 500.5 })
})

t.test('the rolling window is thirty days, the month to date its complete days', async (t) => {
  const logins = ['2024-02-28', '2024-02-29', '2024-03-01', '2024-03-29', '2024-03-30', '2024-03-31'].flatMap((day) => [
    { at: at(day, '00:00:00.000'), user: day, site: HALL },
    { at: at(day, '23:59:59.999'), user: day, site: LIBRARY },
    { at: at(day), user: `${day} too`, site: HALL },
  ])
  const pair = async (name: string, date: string) => [
    await metric(`${name}-active-users`, logins, { date }),
    await metric(`${name}-roaming-users`, logins, { date }),
  ]
  const both = (active: number, roaming: number, run_time: string) => [
    { users: active, run_time },
    { users: roaming, run_time },
  ]
  // [1 March, 31 March), [29 February, 30 March), [2 March, 1 April).
  const rolling = 'monthly-rolling-window-total'
  t.same(await pair(rolling, '2024-03-31'), both(6, 3, '2024-03-31'))
  t.same(await pair(rolling, '2024-03-30'), both(6, 3, '2024-03-30'))
  t.same(await pair(rolling, '2024-04-01'), both(6, 3, '2024-04-01'))
  t.same(await pair(rolling, '2024-03-29'), both(6, 3, '2024-03-29'), '28 February to 28 March')
  const toDate = 'month-to-date-total'
  t.same(await pair(toDate, '2024-03-31'), both(6, 3, '2024-03-31'))
  t.same(await pair(toDate, '2024-03-02'), both(2, 1, '2024-03-02'))
  t.same(await pair(toDate, '2024-03-01'), both(0, 0, '2024-03-01'), 'on the first, no day of the month is complete')
  t.same(await pair(toDate, '2024-04-01'), both(0, 0, '2024-04-01'))
})

t.test('request-stats are the logins of one hour by site', async (t) => {
  const logins: Login[] = [
    { at: at('2024-06-12', '10:59:59.999'), user: 'BEFORE', site: HALL },
    { at: at('2024-06-12', '11:00:00.000'), user: 'ALICE1', site: LIBRARY },
    { at: at('2024-06-12', '11:59:59.999'), user: 'ALICE1', site: LIBRARY, success: 0 },
    { at: at('2024-06-12', '11:30:00.000'), user: 'ALICE1', site: LIBRARY },
    { at: at('2024-06-12', '11:30:00.000'), serial: '01', site: '', success: 0 },
    { at: at('2024-06-12', '12:00:00.000'), user: 'AFTER1', site: HALL },
    { at: at('2024-06-11', '23:30:00.000'), user: 'LATE01', site: POOL },
  ]
  const eleven = [
    { site_ip: '', successes: 0, failures: 1 },
    { site_ip: LIBRARY, successes: 2, failures: 1 },
  ]
  const now = new Date('2024-06-12T12:34:56.789Z')
  t.same(await metric('request-stats', logins, { now }), { rows: eleven }, 'the last hour that is over')
  t.same(await metric('request-stats', logins, { now, date: '2024-06-12T12' }), { rows: eleven })
  t.same(await metric('request-stats', logins, { now, date: '2024-06-12T13' }), {
    rows: [{ site_ip: HALL, successes: 1, failures: 0 }],
    complete: false,
  })
  const late = { rows: [{ site_ip: POOL, successes: 1, failures: 0 }] }
  t.same(await metric('request-stats', logins, { now, date: '2024-06-12' }), late, 'a day alone means its first hour')
  t.same(await metric('request-stats', logins, { now, date: '2024-06-12T02' }), { rows: [] })
  await t.rejects(metric('request-stats', [], { now, date: '2024-06-12T14' }), { code: 'INPUT_INVALID' })
})
