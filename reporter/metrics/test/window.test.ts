import fc from 'fast-check'
import t from 'tap'
import { beginningOf, dayOf, oldestCompleteDay, windowEnding, type Period } from '../window.ts'

function window(period: Period, day: string): string {
  const { start, end } = windowEnding(period, beginningOf(day) as Date)
  return `${start.toISOString()} ${end.toISOString()}`
}

const midnight = (from: string, to: string) => `${from}T00:00:00.000Z ${to}T00:00:00.000Z`

const CASES: readonly (readonly [Period, string, string])[] = [
  ['day', '2024-03-01', '2024-02-29'],
  ['day', '2023-03-01', '2023-02-28'],
  ['day', '2024-01-01', '2023-12-31'],
  ['week', '2024-01-03', '2023-12-27'],
  ['week', '2024-03-04', '2024-02-26'],
  ['month', '2024-03-01', '2024-02-01'],
  ['month', '2024-01-15', '2023-12-15'],
  ['month', '2024-01-01', '2023-12-01'],
  ['month', '2024-03-31', '2024-02-29'],
  ['month', '2024-03-30', '2024-02-29'],
  ['month', '2024-03-29', '2024-02-29'],
  ['month', '2023-03-31', '2023-02-28'],
  ['month', '2023-03-28', '2023-02-28'],
  ['month', '2024-02-29', '2024-01-29'],
  ['month', '2024-05-31', '2024-04-30'],
  ['month', '2024-07-31', '2024-06-30'],
  ['month', '2024-12-31', '2024-11-30'],
  ['month', '2100-03-31', '2100-02-28'],
]

t.test('a window ends when its day begins', (t) => {
  for (const [period, day, start] of CASES) t.equal(window(period, day), midnight(start, day), `${period} ${day}`)
  t.end()
})

t.test('windows are whole days, and days follow each other without a gap', (t) => {
  const days = fc.integer({ min: 0, max: 60_000 }).map((n) => new Date(n * 86_400_000))
  fc.assert(
    fc.property(days, (end) => {
      const { start } = windowEnding('day', end)
      t.equal(dayOf(new Date(end.getTime() - 1)), dayOf(start))
      const length = (end.getTime() - windowEnding('month', end).start.getTime()) / 86_400_000
      return length >= 28 && length <= 31
    }),
  )
  t.end()
})

t.test('only real calendar days are accepted', (t) => {
  for (const text of [
    '2023-02-29',
    '2024-02-30',
    '2024-13-01',
    '2024-1-1',
    'today',
    '',
    '2024-01-01T00:00',
    '1969-12-31',
  ]) {
    t.equal(beginningOf(text), undefined, text)
  }
  t.equal(beginningOf('2024-02-29')?.toISOString(), '2024-02-29T00:00:00.000Z')
  t.end()
})

t.test('the day on which retention deletes is incomplete already', (t) => {
  const oldest = (now: string, days: number) => dayOf(oldestCompleteDay(new Date(now), days))
  t.equal(oldest('2024-03-10T10:00:00.000Z', 2), '2024-03-09')
  t.equal(oldest('2024-03-10T00:00:00.000Z', 2), '2024-03-08')
  t.equal(oldest('2024-03-31T23:59:59.999Z', 32), '2024-02-29')
  t.end()
})
