import t from 'tap'
import type { MetricRequest } from '../metric.ts'
import { fieldsOf } from './compute.ts'
import { addPings, clear, openEngine, type Ping } from '../../test/engine.ts'

/* Hand-computed cases of gateway-availability, mostly of 11 June 2024. */

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

/** A heartbeat every n seconds, from the first instant until before the second. */
function beats(from: string, until: string, seconds: number, gateway = 'gw'): Ping[] {
  const count = Math.ceil((Date.parse(until) - Date.parse(from)) / (seconds * 1000))
  return Array.from({ length: count }, (_, n) => ({ at: later(from, n * seconds), gateway }))
}

const later = (from: string, seconds: number) => new Date(Date.parse(from) + seconds * 1000).toISOString()
const june = (day: number, time = '00:00:00.000') => `2024-06-${String(day).padStart(2, '0')}T${time}Z`

async function rows(pings: readonly Ping[], request: Partial<MetricRequest> = {}): Promise<unknown> {
  await clear(store)
  await addPings(store, pings)
  return (await fieldsOf(store, 'gateway-availability', request))['rows']
}

const row = (expected: number, seen: number, longest_gap_seconds: number, gw_id = 'gw') => {
  return { gw_id, expected, seen, ratio: expected === 0 ? 0 : seen / expected, longest_gap_seconds }
}

t.test('a gateway that is always up', async (t) => {
  const always = beats(june(5, '00:00:30.000'), june(13), 60)
  t.same(await rows(always), [row(1440, 1440, 60)])
  t.same(await rows(always, { period: 'week' }), [row(7 * 1440 - 1, 7 * 1440 - 1, 60)], 'from its first heartbeat')
  t.same(await rows(always, { date: '2024-06-13' }), [{ ...row(1440, 1440, 60) }])
})

t.test("the interval is the gateway's own", async (t) => {
  t.same(
    await rows([
      ...beats(june(10), june(12), 300, 'five minutes'),
      ...beats(june(11), june(12), 5, 'five seconds'),
      ...beats(june(5), june(12), 7200, 'two hours'),
    ]),
    [row(288, 288, 300, 'five minutes'), row(8640, 8640, 5, 'five seconds'), row(24, 12, 7200, 'two hours')],
    'at least ten seconds and at most an hour',
  )
})

t.test('an outage within the window and over its edges', async (t) => {
  const around = [...beats(june(9), june(11, '06:00:00.000'), 60), ...beats(june(11, '08:00:00.000'), june(13), 60)]
  t.same(await rows(around), [row(1440, 1320, 7260 - 60 + 60)])
  const edges = [
    ...beats(june(8), june(10, '20:00:00.000'), 60),
    ...beats(june(11, '03:00:00.000'), june(11, '21:00:00.000'), 60),
  ]
  t.same(await rows(edges), [row(1440, 18 * 60, 10860)], 'three hours before, three hours and a minute after')
})

t.test('no heartbeat is expected before the first one ever', async (t) => {
  t.same(await rows(beats(june(11, '12:00:30.000'), june(13), 60)), [row(719, 719, 60)])
  t.same(
    await rows([...beats(june(1), june(1, '00:03:00.000'), 60), ...beats(june(11, '12:00:00.000'), june(12), 60)]),
    [row(1440, 720, 43200)],
    'ten days before is before',
  )
  const late = await rows([{ at: june(11, '23:59:30.000'), gateway: 'gw' }])
  t.same(late, [row(0, 0, 30)], 'not one whole interval of sixty seconds')
})

t.test('a new gateway whose heartbeats come slightly early or late was always up', async (t) => {
  const moments = [0, 0, -0.05, 0, 0.05]
  const pings = Array.from({ length: 720 }, (_, n) => {
    return { at: later(june(11, '12:00:00.000'), n * 60 + moments[n % 5]), gateway: 'gw' }
  })
  t.same(await rows(pings), [row(720, 720, 60)])
})

t.test('gateways of the 32 days before are listed, even if they were silent', async (t) => {
  const found = await rows([
    { at: '2024-05-11T00:00:00.000Z', gateway: 'listed' },
    { at: '2024-05-10T23:59:59.999Z', gateway: 'forgotten' },
    { at: june(12), gateway: 'later' },
    { at: june(11), gateway: 'stranger', trusted: 0 },
    ...beats(june(5), june(6), 120, 'silent for days'),
  ])
  t.same(found, [row(1440, 0, 86400, 'listed'), row(720, 0, 86400, 'silent for days')])
})

t.test('repeated and untrusted heartbeats do not count', async (t) => {
  const pings = beats(june(10), june(12), 60)
  const strange = beats(june(10, '00:00:01.000'), june(12), 60).map((ping) => ({ ...ping, trusted: 0 as const }))
  t.same(await rows([...pings, ...pings, ...strange]), [row(1440, 1440, 60)])
})

t.test('a heartbeat belongs to the window to the millisecond', async (t) => {
  const pings = [june(10, '23:59:59.999'), june(11, '00:00:00.000'), june(11, '23:59:59.999'), june(12)].map((at) => ({
    at,
    gateway: 'gw',
  }))
  // Gaps of 1 ms and of a day less 1 ms: their middle is beyond an hour, which is the longest interval.
  t.same(await rows(pings), [row(24, 2, 86400)])
})

t.test('a month over a leap day, a week over new year, and none at all', async (t) => {
  t.same(await rows([]), [])
  const hourly = beats('2023-12-01T00:00:00.000Z', '2024-03-02T00:00:00.000Z', 3600)
  t.same(await rows(hourly, { period: 'month', date: '2024-03-01' }), [row(29 * 24, 29 * 24, 3600)])
  t.same(await rows(hourly, { period: 'week', date: '2024-01-03' }), [row(7 * 24, 7 * 24, 3600)])
})
