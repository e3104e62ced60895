import fc from 'fast-check'
import t from 'tap'
import { beginningOf, dayOf, PERIODS, windowEnding } from '../window.ts'
import { fieldsOf } from './compute.ts'
import { addPings, clear, openEngine, type Ping } from '../../test/engine.ts'
import { plainAvailability } from './plain-availability.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const FIRST = Date.parse('2024-02-01T00:00:00.000Z')
const DAY_MS = 86_400_000

/** Runs of heartbeats at an interval with some jitter, anywhere in two months, and single heartbeats. */
const pings: fc.Arbitrary<Ping[]> = fc
  .array(
    fc.record({
      gateway: fc.constantFrom('gw-1', 'gw-2', 'gw, "3"'),
      day: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 38, max: 40 })),
      offset: fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: 0, max: DAY_MS - 1 })),
      seconds: fc.constantFrom(1, 60, 300, 7200),
      jitters: fc.array(fc.integer({ min: -500, max: 500 }), { minLength: 1, maxLength: 30 }),
      trusted: fc.constantFrom(1 as const, 1 as const, 0 as const),
    }),
    { maxLength: 25 },
  )
  .map((runs) =>
    runs.flatMap(({ gateway, day, offset, seconds, jitters, trusted }) =>
      jitters.map((jitter, n) => {
        const time = FIRST + day * DAY_MS + offset + n * seconds * 1000 + (n === 0 ? 0 : jitter)
        return { gateway, at: new Date(time).toISOString(), trusted }
      }),
    ),
  )

const request = fc.record({
  period: fc.constantFrom(...PERIODS),
  date: fc
    .oneof(fc.integer({ min: 1, max: 61 }), fc.integer({ min: 39, max: 41 }))
    .map((day) => dayOf(new Date(FIRST + day * DAY_MS))),
})

t.test('the query agrees with the definition on generated heartbeats', async (t) => {
  await fc.assert(
    fc.asyncProperty(pings, fc.array(request, { minLength: 3, maxLength: 3 }), async (pings, requests) => {
      await clear(store)
      await addPings(store, pings)
      for (const { period, date } of requests) {
        const window = windowEnding(period, beginningOf(date) as Date)
        const rows = plainAvailability(pings, dayOf(window.start), dayOf(window.end))
        t.same(await fieldsOf(store, 'gateway-availability', { period, date }), { rows }, `${period} ${date}`)
      }
    }),
    { numRuns: 20 },
  )
})
