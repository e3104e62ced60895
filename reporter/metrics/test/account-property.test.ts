import fc from 'fast-check'
import t from 'tap'
import { beginningOf, dayOf, PERIODS, windowEnding } from '../window.ts'
import { fieldsOf } from './compute.ts'
import { addAccounts, clear, openEngine, type Account } from '../../test/engine.ts'
import { plainCompletionRate, plainInactiveUsers, plainVolumetrics } from './plain-accounts.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const FIRST = Date.parse('2023-12-20T00:00:00.000Z')
const DAY_MS = 86_400_000
const instant = fc
  .tuple(fc.integer({ min: 0, max: 110 }), fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: 0, max: DAY_MS - 1 })))
  .map(([day, offset]) => new Date(FIRST + day * DAY_MS + offset).toISOString())

const person = fc.constantFrom(
  null,
  '',
  '+441',
  '+442',
  'ann@example.org',
  'Ann@Example.ORG',
  'émile@example.org',
  'ÉMILE@example.org',
  '+tag@example.org',
  '0441',
)

const account: fc.Arbitrary<Account> = fc
  .record({
    name: fc.integer({ min: 0, max: 99 }).map(String),
    contact: person,
    sponsor: fc.option(person, { nil: 'own' }),
    created: instant,
    lastLogin: fc.option(instant),
  })
  .map((made) => ({ ...made, sponsor: made.sponsor === 'own' ? (made.contact?.toUpperCase() ?? null) : made.sponsor }))

const request = fc.record({
  period: fc.constantFrom(...PERIODS),
  date: fc.integer({ min: 1, max: 115 }).map((day) => dayOf(new Date(FIRST + day * DAY_MS))),
})

t.test('the queries agree with the definitions on generated accounts', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(account, { maxLength: 150, size: 'max' }),
      fc.array(request, { minLength: 3, maxLength: 3 }),
      async (accounts, requests) => {
        await clear(store)
        await addAccounts(store, accounts)
        for (const { period, date } of requests) {
          const window = windowEnding(period, beginningOf(date) as Date)
          const [start, end] = [dayOf(window.start), dayOf(window.end)]
          const what = `${period} ${date}`
          t.same(await fieldsOf(store, 'volumetrics', { period, date }), plainVolumetrics(accounts, start, end), what)
          t.same(
            await fieldsOf(store, 'completion-rate', { period, date }),
            plainCompletionRate(accounts, start, end),
            what,
          )
          t.same(await fieldsOf(store, 'inactive-users', { date }), plainInactiveUsers(accounts, date), date)
        }
      },
    ),
    { numRuns: 25 },
  )
})
