import fc from 'fast-check'
import t from 'tap'
import { metricNamed } from '../definitions.ts'
import { dateText, datesBetween, instantOf, latestAllowed } from '../dates.ts'
import { computeSeries, seriesDates, type SeriesRequest } from '../series.ts'
import { PERIODS, type Period } from '../window.ts'
import { addLogins, openEngine } from '../../test/engine.ts'
import { retentionOf } from '../../../store/retention.ts'

const now = new Date('2024-06-12T12:34:56.789Z')
const dates = (period: Period, from: string, to?: string) => seriesDates({ period, from, to, now })

t.test('a series steps by its period, both ends included', (t) => {
  t.same(dates('day', '2024-02-28', '2024-03-01'), ['2024-02-28', '2024-02-29', '2024-03-01'])
  t.same(dates('week', '2023-12-27', '2024-01-16'), ['2023-12-27', '2024-01-03', '2024-01-10'])
  t.same(dates('month', '2024-01-31', '2024-05-30'), ['2024-01-31', '2024-02-29', '2024-03-31', '2024-04-30'])
  t.same(dates('hour', '2024-02-29T22', '2024-03-01T01'), [
    '2024-02-29T22',
    '2024-02-29T23',
    '2024-03-01T00',
    '2024-03-01T01',
  ])
  t.same(dates('day', '2024-06-12', '2024-06-12'), ['2024-06-12'], 'one date')
  t.same(dates('day', '2024-06-11'), ['2024-06-11', '2024-06-12'], 'until today')
  t.same(dates('hour', '2024-06-12T11'), ['2024-06-12T11', '2024-06-12T12'], 'until this hour')
  t.end()
})

t.test('an invalid series is refused before anything is computed', (t) => {
  const cases: readonly (readonly [Period, string, string | undefined, RegExp])[] = [
    ['day', '2024-02-30', undefined, /2024-02-30 is not a day/],
    ['day', '2024-02-28', '2024-02-30', /2024-02-30 is not a day/],
    ['day', '2024-02-28T10', undefined, /not a day/],
    ['day', '2024-02-28', '2024-02-27', /2024-02-27, before its beginning 2024-02-28/],
    ['day', '2024-06-13', undefined, /before its beginning/],
    ['day', '2024-06-12', '2024-06-14', /in the future/],
    ['hour', '2024-06-12T24', undefined, /not an hour/],
    ['hour', '2023-01-01', undefined, /more than 10000/],
    ['day', '1990-01-01', undefined, /more than 10000/],
  ]
  for (const [period, from, to, message] of cases) {
    t.throws(() => dates(period, from, to), { code: 'INPUT_INVALID', message }, `${period} ${from} ${to}`)
  }
  t.end()
})

t.test('dates are formatted and parsed alike, and sort in order', (t) => {
  const instant = fc.integer({ min: 0, max: 40_000 * 24 }).map((hours) => new Date(hours * 3_600_000))
  fc.assert(
    fc.property(
      fc.constantFrom<Period>(...PERIODS, 'hour'),
      instant,
      fc.integer({ min: 0, max: 99 }),
      (period, at, n) => {
        const from = instantOf(period, dateText(period, at)) as Date
        t.equal(dateText(period, from), dateText(period, at))
        t.ok(latestAllowed(period, at) > at)
        const found = [...datesBetween(period, from, new Date(from.getTime() + n * 86_400_000))]
        t.equal(found[0].getTime(), from.getTime())
        return found.every((date, place) => place === 0 || date > found[place - 1])
      },
    ),
    { numRuns: 50 },
  )
  t.end()
})

t.test('each date and each hour is computed and stored; missing results are named', async (t) => {
  const store = await openEngine(t.testdir())
  t.teardown(() => store.close())
  await addLogins(store, [
    { at: '2024-06-10T10:00:00.000Z', user: 'ALICE1' },
    { at: '2024-06-12T10:30:00.000Z', user: 'ALICE1', site: '192.0.2.1' },
  ])
  const series = (name: string, request: Partial<SeriesRequest>, progress: (step: string) => void = () => {}) => {
    const metric = metricNamed(name)
    if (!metric) throw new Error(`no metric ${name}`)
    const [period] = metric.periods
    const all = {
      metric,
      period,
      from: '',
      to: undefined,
      partial: false,
      retention: retentionOf(3650),
      now,
      ...request,
    }
    return computeSeries(store, all, (date, done, of) => progress(`${date} ${done}/${of}`))
  }

  const steps: string[] = []
  const days = await series('active-users', { from: '2024-06-10' }, (step) => steps.push(step))
  t.same(
    days.results.map(({ date, users }) => [date, users]),
    [
      ['2024-06-10', 0],
      ['2024-06-11', 1],
      ['2024-06-12', 0],
    ],
  )
  t.same([days.expired, days.oldestCompleteDay], [[], null])
  t.same(steps, ['2024-06-10 0/3', '2024-06-11 1/3', '2024-06-12 2/3'])

  const hours = await series('request-stats', { from: '2024-06-12T10', to: '2024-06-12T12' })
  t.same(
    hours.results.map(({ rows }) => rows),
    [[], [{ site_ip: '192.0.2.1', successes: 1, failures: 0 }], []],
  )
  const stored = await store.query(
    `SELECT date, hour, fields FROM gatepost.metrics FINAL WHERE period = 'hour' ORDER BY date, hour`,
  )
  t.same(stored, [
    { date: '2024-06-12', hour: 10, fields: '{"rows":[]}' },
    { date: '2024-06-12', hour: 11, fields: '{"rows":[{"site_ip":"192.0.2.1","successes":1,"failures":0}]}' },
    { date: '2024-06-12', hour: 12, fields: '{"rows":[]}' },
  ])

  const later = { retention: retentionOf(5), now: new Date('2024-06-18T00:00:00.000Z') }
  const old = await series('active-users', { ...later, from: '2024-06-09', to: '2024-06-14' })
  t.match(old.results, [
    { date: '2024-06-10', stored: true },
    { date: '2024-06-11', users: 1, stored: true },
    { date: '2024-06-12', stored: true },
    { date: '2024-06-14', users: 0, stored: undefined },
  ])
  t.same([old.expired, old.oldestCompleteDay], [['2024-06-09', '2024-06-13'], '2024-06-13'])
  const oldHour = await series('request-stats', { ...later, from: '2024-06-12T11', to: '2024-06-12T11' })
  t.match(oldHour.results, [{ date: '2024-06-12T11', rows: [{ successes: 1 }], stored: true }])
})
