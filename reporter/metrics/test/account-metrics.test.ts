import t from 'tap'
import { compute, fieldsOf } from './compute.ts'
import { addAccounts, clear, openEngine, type Account } from '../../test/engine.ts'
import { retentionOf } from '../../../store/retention.ts'

/* Hand-computed cases of the metrics of accounts. */

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

async function fill(accounts: readonly Account[]): Promise<void> {
  await clear(store)
  await addAccounts(store, accounts)
}

const BEFORE = '2024-06-10T23:59:59.999Z'
const INSIDE = '2024-06-11T00:00:00.000Z'
const LAST = '2024-06-11T23:59:59.999Z'
const AFTER = '2024-06-12T00:00:00.000Z'

const ACCOUNTS: readonly Account[] = [
  { name: 'sms', contact: '+441', sponsor: '+441', created: INSIDE, lastLogin: AFTER },
  { name: 'sms2', contact: '+442', sponsor: '+442', created: BEFORE },
  { name: 'mail', contact: 'Ann@Example.org', sponsor: 'ann@example.ORG', created: LAST },
  { name: 'accent', contact: 'ÉMILE@example.org', sponsor: 'émile@example.org', created: LAST, lastLogin: LAST },
  { name: 'both', contact: '+tag@example.org', sponsor: '+TAG@example.org', created: BEFORE, lastLogin: BEFORE },
  { name: 'sponsored', contact: '+443', sponsor: 'boss@example.org', created: INSIDE, lastLogin: LAST },
  { name: 'neither', contact: '0441', sponsor: '0441', created: INSIDE },
  { name: 'no contact', contact: null, sponsor: 'boss@example.org', created: INSIDE, lastLogin: LAST },
  { name: 'no sponsor', contact: '+444', sponsor: null, created: INSIDE },
  { name: 'nobody', created: INSIDE },
  { name: 'later', contact: '+445', sponsor: '+445', created: AFTER, lastLogin: AFTER },
]

t.test('volumetrics: accounts created in the window, and ever before its end', async (t) => {
  await fill(ACCOUNTS)
  t.same(await fieldsOf(store, 'volumetrics'), {
    period_before: 8,
    cumulative: 10,
    sms_period_before: 1,
    sms_cumulative: 3,
    email_period_before: 2,
    email_cumulative: 3,
    sponsored_period_before: 1,
    sponsored_cumulative: 1,
  })
  const yesterday = await fieldsOf(store, 'volumetrics', { date: '2024-06-11' })
  t.match(yesterday, { period_before: 2, cumulative: 2, sms_period_before: 2, email_period_before: 1 }, 'a past date')
  t.match(await fieldsOf(store, 'volumetrics', { date: '2024-06-13' }), { period_before: 1, complete: false })
})

t.test('completion-rate: which of these accounts have ever logged in', async (t) => {
  await fill(ACCOUNTS)
  t.same(await fieldsOf(store, 'completion-rate'), {
    all_registered: 8,
    all_logged_in: 4,
    sms_registered: 1,
    sms_logged_in: 1,
    email_registered: 2,
    email_logged_in: 1,
    sponsor_registered: 1,
    sponsor_logged_in: 1,
    cumulative_all_registered: 10,
    cumulative_all_logged_in: 5,
    cumulative_sms_registered: 3,
    cumulative_sms_logged_in: 2,
    cumulative_email_registered: 3,
    cumulative_email_logged_in: 2,
    cumulative_sponsor_registered: 1,
    cumulative_sponsor_logged_in: 1,
  })
})

t.test('the newest row of an account counts', async (t) => {
  await fill([
    { name: 'ann', contact: '+441', sponsor: '+441', created: BEFORE },
    { name: 'ann', contact: 'ann@example.org', sponsor: 'ann@example.org', created: INSIDE, lastLogin: LAST },
  ])
  t.match(await fieldsOf(store, 'volumetrics'), { cumulative: 1, period_before: 1, sms_cumulative: 0 })
  t.match(await fieldsOf(store, 'completion-rate'), { all_registered: 1, all_logged_in: 1, email_logged_in: 1 })
})

t.test('inactive-users: the month before, without its last three days', async (t) => {
  const created = (day: string, time = '12:00:00.000') => ({ name: `${day}${time}`, created: `${day}T${time}Z` })
  await fill([
    created('2024-01-31', '23:59:59.999'),
    created('2024-02-01', '00:00:00.000'),
    { ...created('2024-02-10'), lastLogin: '2024-02-11T00:00:00.000Z' },
    { ...created('2024-02-11'), lastLogin: '2024-05-11T00:00:00.000Z' },
    created('2024-02-26', '23:59:59.999'),
    { ...created('2024-02-27', '00:00:00.000'), lastLogin: '2024-02-27T00:00:00.000Z' },
    created('2024-02-29'),
  ])
  const february = { new_active_users: 2, new_inactive_users: 2, days: 26 }
  for (const date of ['2024-03-01', '2024-03-15', '2024-03-31']) {
    t.same(await fieldsOf(store, 'inactive-users', { date }), february, date)
  }
  t.same(await fieldsOf(store, 'inactive-users', { date: '2023-03-01' }), {
    new_active_users: 0,
    new_inactive_users: 0,
    days: 25,
  })
  t.match(await fieldsOf(store, 'inactive-users', { date: '2024-01-01' }), { days: 28 }, 'December')
})

t.test('accounts are not deleted by retention, so every window can be computed', async (t) => {
  await fill(ACCOUNTS)
  const request = { retention: retentionOf(5), now: new Date('2024-12-01T00:00:00.000Z'), date: '2024-06-12' }
  for (const name of ['volumetrics', 'completion-rate']) {
    t.match(await compute(store, name, request), { outcome: 'result', result: { stored: undefined } }, name)
  }
  t.same(await fieldsOf(store, 'inactive-users', { ...request, date: '2024-07-01' }), {
    new_active_users: 6,
    new_inactive_users: 5,
    days: 27,
  })
})

t.test('without accounts all fields are 0', async (t) => {
  await fill([])
  for (const name of ['volumetrics', 'completion-rate']) {
    for (const value of Object.values(await fieldsOf(store, name, { period: 'month' }))) t.equal(value, 0, name)
  }
  t.match(await fieldsOf(store, 'inactive-users'), { new_active_users: 0, new_inactive_users: 0 })
})
