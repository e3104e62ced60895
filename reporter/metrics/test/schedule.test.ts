import t from 'tap'
import { pino } from 'pino'
import type { TableStore } from '../../../store/table-store.ts'
import { METRICS } from '../definitions.ts'
import { DELAY_MS, latestDue } from '../due.ts'
import { catchUp, periodsEnding, startSchedule } from '../schedule.ts'
import { beginningOf, DAY_MS, dayOf, type Period } from '../window.ts'
import { addLogins, openEngine } from '../../test/engine.ts'
import { retentionOf } from '../../../store/retention.ts'

const logger = pino({ level: 'silent' })
const store = await openEngine(t.testdir())
t.teardown(() => store.close())
const options = { store, retention: retentionOf(3650), logger }

const having = (period: Period) => METRICS.filter(({ periods }) => periods.includes(period)).length
const [DAILY, WEEKLY, MONTHLY] = [having('day'), having('week'), having('month')]

interface Row {
  readonly key: string
  readonly fields: string
}

/** The newest results, as `name period date`. */
const results = (from: string, to: string) =>
  store.query<Row>(
    `SELECT concat(metric_name, ' ', period, ' ', toString(date)) AS key, argMax(fields, computed_at) AS fields
     FROM gatepost.metrics WHERE date BETWEEN {from:Date} AND {to:Date} GROUP BY key ORDER BY key`,
    { from, to },
  )

t.test('periods that end when a day begins', (t) => {
  const ending = (day: string) => periodsEnding(beginningOf(day) as Date)
  t.same(ending('2024-03-05'), ['day'])
  t.same(ending('2024-03-04'), ['day', 'week'], 'a Monday')
  t.same(ending('2024-03-01'), ['day', 'month'], 'a first')
  t.same(ending('2024-04-01'), ['day', 'week', 'month'], 'both')
  t.end()
})

t.test('a day is due ten minutes after it has begun', (t) => {
  t.equal(dayOf(latestDue(new Date('2024-03-05T00:09:59.999Z'))), '2024-03-04')
  t.equal(dayOf(latestDue(new Date('2024-03-05T00:10:00.000Z'))), '2024-03-05')
  t.equal(dayOf(latestDue(new Date('2024-03-05T23:59:59.999Z'))), '2024-03-05')
  t.end()
})

t.test('nothing is computed for the time before the first record', async (t) => {
  t.equal(await catchUp(options, new Date('2024-03-05T12:00:00Z')), 0)
  t.same(await results('1970-01-01', '2100-01-01'), [])
})

t.test('missed days are computed, each once, at most seven', async (t) => {
  // A Thursday; the week ends with Monday 2024-03-04, the month with 2024-03-01.
  await addLogins(store, [
    { at: '2024-02-29T10:00:00Z', user: 'alice' },
    { at: '2024-03-01T10:00:00Z', user: 'bob' },
    { at: '2024-03-04T10:00:00Z', user: 'carol' },
  ])
  const now = new Date('2024-03-05T00:20:00Z')
  t.equal(await catchUp(options, now), 5 * DAILY + WEEKLY + MONTHLY)
  const found = await results('2024-02-01', '2024-03-31')
  t.same(
    found.map(({ key }) => key).filter((key) => key.startsWith('unique-users')),
    [
      'unique-users day 2024-03-01',
      'unique-users day 2024-03-02',
      'unique-users day 2024-03-03',
      'unique-users day 2024-03-04',
      'unique-users day 2024-03-05',
      'unique-users month 2024-03-01',
      'unique-users week 2024-03-04',
    ],
  )
  const total = (key: string) =>
    (JSON.parse(found.find((row) => row.key === key)?.fields ?? '{}') as { total: number }).total
  t.equal(total('account-usage day 2024-03-05'), 1)
  t.equal(total('account-usage day 2024-03-04'), 0)
  t.equal(total('account-usage week 2024-03-04'), 2)
  t.equal(total('account-usage month 2024-03-01'), 1)
  t.equal(await catchUp(options, now), 0, 'again: nothing is missing')

  const later = new Date('2024-03-20T00:20:00Z')
  t.equal(await catchUp(options, later), 7 * DAILY + WEEKLY, 'seven days and the one week that ended in them')
})

t.test('a result from before the delay is computed again', async (t) => {
  const day = '2024-03-21'
  const begins = (beginningOf(day) as Date).getTime()
  t.equal(await catchUp(options, new Date(begins + DELAY_MS - 1)), 0)
  await store.command(
    `INSERT INTO gatepost.metrics (metric_name, period, date, fields, computed_at) VALUES
     ('unique-users', 'day', '${day}', '{"count":99}', '${day} 00:00:01.000')`,
  )
  t.equal(await catchUp(options, new Date(begins + DELAY_MS)), DAILY)
  const [row] = (await results(day, day)).filter(({ key }) => key.startsWith('unique-users'))
  t.equal(row.fields, '{"count":0}')
  t.equal(await catchUp(options, new Date(begins + DAY_MS - 1)), 0)
})

t.test('an unavailable store is retried, and a stop waits for the running computation', async (t) => {
  const away: TableStore = {
    query: () => Promise.reject(new Error('away')),
    command: () => Promise.reject(new Error('away')),
  }
  const schedule = startSchedule({ ...options, store: away })
  await schedule.stop()
  t.same(schedule.stats, { computed: 0, failures: 1, currentTo: null })

  // The last record is weeks old, so seven days have to be computed.
  const running = startSchedule(options)
  await running.stop()
  t.equal(running.stats.failures, 0)
})
