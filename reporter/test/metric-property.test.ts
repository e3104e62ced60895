import fc from 'fast-check'
import t from 'tap'
import { metricNamed, type MetricDefinition } from '../definitions.ts'
import { replaceLocations } from '../locations/table.ts'
import { computeMetric } from '../metric.ts'
import { beginningOf, dayOf, PERIODS, windowEnding, type Period } from '../window.ts'
import { addLogins, openEngine, type Login } from './engine.ts'
import { plainAccountUsage, plainUniqueUsers } from './plain-model.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const LOCATIONS = new Map([
  ['192.0.2.1', 0],
  ['192.0.2.2', 1],
  ['192.0.2.3', 1],
])
await replaceLocations(
  store,
  [...LOCATIONS].map(([ip, location_id]) => ({ ip, location_id, name: '' })),
)

// Two months around a leap day; instants at and around midnight come up as often as those between.
const FIRST = Date.parse('2024-02-01T00:00:00.000Z')
const DAY_MS = 86_400_000
const instant = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: 0, max: DAY_MS - 1 })))
  .map(([day, offset]) => new Date(FIRST + day * DAY_MS + offset).toISOString())

const login: fc.Arbitrary<Login> = fc.record({
  at: instant,
  user: fc.constantFrom('', 'ALICE1', 'BOBBY1', 'CAROL1', 'DAVID1', 'ÉMILE1'),
  site: fc.constantFrom('', '192.0.2.1', '192.0.2.2', '192.0.2.3', '203.0.113.1', 'no address'),
  success: fc.constantFrom(0, 1),
})

const request = fc.record({
  period: fc.constantFrom(...PERIODS),
  date: fc.integer({ min: 1, max: 61 }).map((day) => dayOf(new Date(FIRST + day * DAY_MS))),
})

async function fields(metric: MetricDefinition, period: Period, date: string): Promise<unknown> {
  const now = new Date('2024-05-01T00:00:00.000Z')
  const outcome = await computeMetric(store, { metric, period, date, partial: false, retentionDays: 3650, now })
  if (outcome.outcome !== 'result') throw new Error('no result')
  return Object.fromEntries(Object.keys(metric.fields.shape).map((name) => [name, outcome.result[name]]))
}

t.test('the queries agree with the definitions on generated logins', async (t) => {
  const [accountUsage, uniqueUsers] = [metricNamed('account-usage'), metricNamed('unique-users')]
  if (!accountUsage || !uniqueUsers) throw new Error('a metric is missing')
  await fc.assert(
    fc.asyncProperty(
      fc.array(login, { maxLength: 200, size: 'max' }),
      fc.array(request, { minLength: 3, maxLength: 3 }),
      async (logins, requests) => {
        await store.command('TRUNCATE TABLE gatepost.post_auth')
        await addLogins(store, logins)
        for (const { period, date } of requests) {
          const window = windowEnding(period, beginningOf(date) as Date)
          const [start, end] = [dayOf(window.start), dayOf(window.end)]
          const usage = plainAccountUsage(logins, LOCATIONS, start, end)
          t.same(await fields(accountUsage, period, date), usage, `${period} ${date}`)
          t.same(await fields(uniqueUsers, period, date), plainUniqueUsers(logins, start, end), `${period} ${date}`)
        }
      },
    ),
    { numRuns: 40 },
  )
})
