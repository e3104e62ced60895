import t from 'tap'
import { metricNamed } from '../definitions.ts'
import { replaceLocations } from '../../locations/table.ts'
import { computeMetric, type MetricOutcome, type MetricRequest } from '../metric.ts'
import type { Period } from '../window.ts'
import { addLogins, openEngine, type Login } from '../../test/engine.ts'
import { retentionOf } from '../../../store/retention.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const HALL = '192.0.2.1'
const LIBRARY = '192.0.2.2'
const LIBRARY_TOO = '2001:db8::2'
await replaceLocations(store, [
  { ip: HALL, location_id: 0, name: 'Town hall' },
  { ip: LIBRARY, location_id: 8, name: 'Library' },
  { ip: LIBRARY_TOO, location_id: 8, name: 'Library' },
])

/** A metric of only these logins, with no rows deleted by retention. */
async function metric(name: string, period: Period, date: string, logins: readonly Login[]): Promise<unknown> {
  for (const table of ['post_auth', 'login_calendar']) await store.command(`TRUNCATE TABLE gatepost.${table}`)
  await addLogins(store, logins)
  return fieldsOf(await compute(name, { period, date }))
}

function compute(name: string, request: Partial<MetricRequest>): Promise<MetricOutcome> {
  const metric = metricNamed(name)
  if (!metric) throw new Error(`no metric ${name}`)
  return computeMetric(store, {
    metric,
    period: 'day',
    date: undefined,
    partial: false,
    retention: retentionOf(3650),
    now: new Date('2024-06-12T10:00:00.000Z'),
    ...request,
  })
}

function fieldsOf(outcome: MetricOutcome): unknown {
  if (outcome.outcome !== 'result') return outcome
  const { metric_name, period, date, ...fields } = outcome.result
  t.ok(metric_name && period && date)
  return fields
}

const at = (day: string, time = '12:00:00.000') => `${day}T${time}Z`
const usage = (total: number, transactions: number) => {
  return { total, transactions, roaming: transactions - total, one_time: total - (transactions - total) }
}

t.test('account-usage counts users, and the locations of each', async (t) => {
  const day = at('2024-06-11')
  t.same(
    await metric('account-usage', 'day', '2024-06-12', [
      { at: day, user: 'ALICE1', site: HALL },
      { at: day, user: 'ALICE1', site: HALL },
      { at: day, user: 'ALICE1', site: LIBRARY },
      { at: day, user: 'ALICE1', site: '2001:DB8:0::2' },
      { at: day, user: 'BOBBY1', site: LIBRARY_TOO },
    ]),
    usage(2, 3),
    'two sites of one location are one location',
  )
})

t.test('account-usage counts all unknown sites as one location, none', async (t) => {
  const day = at('2024-06-11')
  t.same(
    await metric('account-usage', 'day', '2024-06-12', [
      { at: day, user: 'ALICE1', site: '203.0.113.1' },
      { at: day, user: 'ALICE1', site: '203.0.113.2' },
      { at: day, user: 'ALICE1', site: '' },
      { at: day, user: 'ALICE1', site: 'not an address' },
      // Location 0 counts as a location.
      { at: day, user: 'ALICE1', site: HALL },
      { at: day, user: 'BOBBY1', site: '::' },
    ]),
    usage(2, 3),
  )
})

t.test('account-usage: one_time is total less roaming, also below zero', async (t) => {
  const day = at('2024-06-11')
  const sites = [HALL, LIBRARY, '203.0.113.1']
  t.same(
    await metric(
      'account-usage',
      'day',
      '2024-06-12',
      sites.map((site) => ({ at: day, user: 'ALICE1', site })),
    ),
    { total: 1, transactions: 3, roaming: 2, one_time: -1 },
  )
})

t.test('account-usage leaves out rejected and certificate logins', async (t) => {
  const day = at('2024-06-11')
  t.same(
    await metric('account-usage', 'day', '2024-06-12', [
      { at: day, user: 'ALICE1', site: HALL, success: 0 },
      { at: day, user: '', serial: '4711', site: HALL },
      { at: day, user: 'BOBBY1', site: HALL },
    ]),
    usage(1, 1),
  )
})

t.test('a window is half-open, to the millisecond', async (t) => {
  const logins = [
    { at: at('2024-06-10', '23:59:59.999'), user: 'BEFORE', site: HALL },
    { at: at('2024-06-11', '00:00:00.000'), user: 'FIRST1', site: HALL },
    { at: at('2024-06-11', '23:59:59.999'), user: 'LAST01', site: LIBRARY },
    { at: at('2024-06-12', '00:00:00.000'), user: 'AFTER1', site: HALL },
  ]
  t.same(await metric('account-usage', 'day', '2024-06-12', logins), usage(2, 2))
  t.same(await metric('unique-users', 'day', '2024-06-12', logins), { count: 2 })
  t.same(await metric('account-usage', 'day', '2024-06-11', logins), usage(1, 1))
})

t.test('weeks and months follow the calendar', async (t) => {
  const logins = [
    { at: at('2023-12-31'), user: 'SYLVIA' },
    { at: at('2024-01-31'), user: 'JANUAR' },
    { at: at('2024-02-01', '00:00:00.000'), user: 'FEBFIR' },
    { at: at('2024-02-28'), user: 'FEB028' },
    { at: at('2024-02-29'), user: 'LEAPER' },
    { at: at('2024-03-01'), user: 'MARCH1' },
    { at: at('2024-03-30'), user: 'MARCH3' },
  ]
  const total = async (period: Period, date: string) =>
    ((await metric('account-usage', period, date, logins)) as { total: number }).total
  t.equal(await total('month', '2024-03-01'), 3, 'February of a leap year')
  t.equal(await total('day', '2024-03-01'), 1, '29 February')
  t.equal(await total('week', '2024-03-01'), 2)
  t.equal(await total('month', '2024-03-31'), 3, 'from 29 February')
  t.equal(await total('month', '2024-03-29'), 2, 'from 29 February too')
  t.equal(await total('month', '2024-03-28'), 3, 'from 28 February')
  t.equal(await total('week', '2024-01-03'), 1, 'a week over new year')
  t.equal(await total('month', '2024-01-01'), 1, 'December')
})

t.test('unique-users averages the weekdays that had users, rounded down', async (t) => {
  t.same(
    await metric('unique-users', 'week', '2024-06-12', [
      // Wednesday: three, one of them rejected, one of them twice.
      { at: at('2024-06-05'), user: 'ALICE1' },
      { at: at('2024-06-05', '18:00:00.000'), user: 'ALICE1' },
      { at: at('2024-06-05'), user: 'BOBBY1' },
      { at: at('2024-06-05'), user: 'CAROL1', success: 0 },
      // Thursday: none. Friday: only a certificate login, which has no user.
      { at: at('2024-06-07'), serial: '4711' },
      // Saturday and Sunday do not count.
      { at: at('2024-06-08', '00:00:00.000'), user: 'DAVID1' },
      { at: at('2024-06-09', '23:59:59.999'), user: 'DAVID1' },
      // Monday and Tuesday: two each, the same people.
      { at: at('2024-06-10', '00:00:00.000'), user: 'ALICE1' },
      { at: at('2024-06-10'), user: 'BOBBY1' },
      { at: at('2024-06-11'), user: 'ALICE1' },
      { at: at('2024-06-11', '23:59:59.999'), user: 'BOBBY1' },
    ]),
    { count: 2 },
    '(3 + 2 + 2) / 3',
  )
})

t.test('unique-users of a Sunday is zero', async (t) => {
  t.same(await metric('unique-users', 'day', '2024-06-10', [{ at: at('2024-06-09'), user: 'ALICE1' }]), { count: 0 })
})

t.test('without data all fields are 0', async (t) => {
  t.same(await metric('account-usage', 'month', '2024-06-12', []), usage(0, 0))
  t.same(await metric('unique-users', 'month', '2024-06-12', []), { count: 0 })
})

t.test('a result is stored under its key; the newest stored one counts', async (t) => {
  await metric('unique-users', 'day', '2024-06-12', [{ at: at('2024-06-11'), user: 'ALICE1' }])
  const now = new Date('2024-06-12T11:00:00.000Z')
  await addLogins(store, [{ at: at('2024-06-11'), user: 'BOBBY1' }])
  t.same(await compute('unique-users', { now }), {
    outcome: 'result',
    result: { metric_name: 'unique-users', period: 'day', date: '2024-06-12', count: 2 },
  })
  const later = { date: '2024-06-12', retention: retentionOf(5), now: new Date('2024-07-01T00:00:00.000Z') }
  t.same(await compute('unique-users', later), {
    outcome: 'result',
    result: { metric_name: 'unique-users', period: 'day', date: '2024-06-12', count: 2, stored: true },
  })
})

t.test('after the retention a metric is not computed, or in part on request', async (t) => {
  await metric('account-usage', 'day', '2024-01-01', [{ at: at('2024-06-01'), user: 'ALICE1', site: HALL }])
  const request: Partial<MetricRequest> = { period: 'month', date: '2024-06-02', retention: retentionOf(32) }
  t.same(await compute('account-usage', { ...request, now: new Date('2024-06-12T10:00:00.000Z') }), {
    outcome: 'expired',
    oldestCompleteDay: '2024-05-12',
  })
  t.same(fieldsOf(await compute('account-usage', { ...request, partial: true })), { ...usage(1, 1), complete: false })
  t.match(await compute('account-usage', request), { outcome: 'expired' }, 'a partial result is not stored')
})

t.test('each metric goes back as far as the tables that it reads', async (t) => {
  const retention = retentionOf(10, {
    post_auth: 5,
    login_calendar: 400,
    gateway_runs: 20,
    session_hours: 30,
    radius_session_days: 40,
  })
  const now = new Date('2024-06-12T10:00:00.000Z')
  const oldest = async (name: string) => {
    const period = metricNamed(name)?.periods[0]
    const date = period === 'hour' ? '2020-01-01T00' : '2020-01-01'
    const outcome = await compute(name, { ...(period === undefined ? {} : { period }), date, retention, now })
    return outcome.outcome === 'expired' ? outcome.oldestCompleteDay : outcome.outcome
  }
  t.equal(await oldest('request-stats'), '2024-06-08', 'post_auth')
  t.equal(await oldest('gateway-availability'), '2024-06-03', 'gateway_pings, and gateway_runs for longer')
  t.equal(await oldest('traffic'), '2024-05-14', 'session_hours')
  t.equal(await oldest('account-usage'), '2023-05-10', 'login_calendar')
  t.equal(await oldest('volumetrics'), 'result', 'accounts')
})

t.test('the window of today begins within the retention of 32 days, in every month', async (t) => {
  for (const day of ['2024-01-01', '2024-03-31', '2024-08-31', '2023-03-01']) {
    const now = new Date(`${day}T23:59:59.999Z`)
    t.match(
      await compute('account-usage', { period: 'month', retention: retentionOf(32), now }),
      { outcome: 'result' },
      day,
    )
  }
})

t.test('tomorrow means today so far, incomplete and not stored; a later day is an error', async (t) => {
  const logins = [{ at: at('2024-06-12', '09:00:00.000'), user: 'ALICE1', site: HALL }]
  t.same(await metric('account-usage', 'day', '2024-06-13', logins), { ...usage(1, 1), complete: false })
  t.same(await store.query("SELECT * FROM gatepost.metrics WHERE date = '2024-06-13'"), [])
  await t.rejects(compute('account-usage', { date: '2024-06-14' }), {
    code: 'INPUT_INVALID',
    message: /2024-06-14 is in the future.*2024-06-12.*2024-06-13/,
  })
  await t.rejects(compute('account-usage', { date: '2024-06-31' }), { code: 'INPUT_INVALID', message: /not a day/ })
})
