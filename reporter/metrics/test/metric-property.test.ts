import fc from 'fast-check'
import t from 'tap'
import { replaceLocations } from '../../locations/table.ts'
import { beginningOf, dayOf, PERIODS, windowEnding } from '../window.ts'
import { fieldsOf } from './compute.ts'
import { addLogins, clear, openEngine, type Login } from '../../test/engine.ts'
import {
  plainAccountUsage,
  plainActiveUsers,
  plainRequestStats,
  plainRoamingUsers,
  plainUniqueUsers,
  plainUserDevices,
} from './plain-model.ts'

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

// Two months around a leap day. Instants at and around midnight are as frequent as those between, and some days are more
// frequent than others, so that the short windows contain logins.
const FIRST = Date.parse('2024-02-01T00:00:00.000Z')
const DAY_MS = 86_400_000
const instant = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: 0, max: DAY_MS - 1 })))
  .map(([day, offset]) => new Date(FIRST + day * DAY_MS + offset).toISOString())

const login: fc.Arbitrary<Login> = fc.record({
  at: instant,
  user: fc.constantFrom('', '', 'ALICE1', 'BOBBY1', 'CAROL1', 'DAVID1', 'ÉMILE1'),
  site: fc.constantFrom('', '192.0.2.1', '192.0.2.2', '192.0.2.3', '203.0.113.1', 'no address'),
  success: fc.constantFrom(0, 1),
  serial: fc.constantFrom('', '01', '02'),
  issuer: fc.constantFrom('', 'CA 1', 'CA 2'),
  mac: fc.constantFrom('', 'M1', 'M2', 'M3', 'M4'),
})

const request = fc.record({
  period: fc.constantFrom(...PERIODS),
  date: fc.integer({ min: 1, max: 61 }).map((day) => dayOf(new Date(FIRST + day * DAY_MS))),
  hour: fc.integer({ min: 0, max: 23 }),
})

const now = new Date('2024-05-01T00:00:00.000Z')

t.test('the queries agree with the definitions on generated logins', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(login, { maxLength: 200, size: 'max' }),
      fc.array(request, { minLength: 2, maxLength: 2 }),
      async (logins, requests) => {
        await clear(store)
        await addLogins(store, logins)
        for (const { period, date, hour } of requests) {
          const fields = (name: string) => fieldsOf(store, name, { period, date, now })
          const begins = beginningOf(date) as Date
          const window = windowEnding(period, begins)
          const [start, end] = [dayOf(window.start), dayOf(window.end)]
          const what = `${period} ${date}`
          t.same(await fields('account-usage'), plainAccountUsage(logins, LOCATIONS, start, end), what)
          t.same(await fields('unique-users'), plainUniqueUsers(logins, start, end), what)
          t.same(await fields('active-users'), { users: plainActiveUsers(logins, start, end) }, what)
          t.same(await fields('roaming-users'), plainRoamingUsers(logins, LOCATIONS, start, end), what)
          t.same(await fields('user-devices'), plainUserDevices(logins, start, end), what)

          const thirty = dayOf(new Date(begins.getTime() - 30 * DAY_MS))
          for (const [name, from] of [
            ['monthly-rolling-window', thirty],
            ['month-to-date', `${date.slice(0, 8)}01`],
          ]) {
            const { active, roaming } = plainRoamingUsers(logins, LOCATIONS, from, date)
            t.same(await fieldsOf(store, `${name}-total-active-users`, { date, now }), {
              users: active,
              run_time: date,
            })
            t.same(await fieldsOf(store, `${name}-total-roaming-users`, { date, now }), {
              users: roaming,
              run_time: date,
            })
          }

          const ends = `${date}T${String(hour).padStart(2, '0')}`
          const hourBefore = new Date(begins.getTime() + (hour - 1) * 3_600_000).toISOString().slice(0, 13)
          const rows = plainRequestStats(logins, hourBefore)
          t.same(await fieldsOf(store, 'request-stats', { date: ends, now }), { rows }, ends)
        }
      },
    ),
    { numRuns: 15 },
  )
})
