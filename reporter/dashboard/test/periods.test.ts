import { pathToFileURL } from 'node:url'
import t from 'tap'
import { packageFile } from '../../../common/package-root.ts'

/* The pages' own module, which needs no browser. */

interface Periods {
  readonly covered: (period: string, date: string) => string
  readonly windowBegins: (period: string, date: string) => Date
  readonly datesFor: (
    period: string,
    from: string | null,
    to: string | null,
    now?: number,
  ) => { from: string | undefined; to: string | undefined }
}
const { covered, windowBegins, datesFor } = (await import(
  pathToFileURL(packageFile('reporter/dashboard/web/periods.js')).href
)) as Periods

t.test('a value is labelled with what its window covers, not with D', (t) => {
  for (const [period, date, label, begins] of [
    ['day', '2026-11-23', '2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['day', '2026-03-01', '2026-02-28', '2026-02-28T00:00:00.000Z'],
    ['hour', '2026-11-23T00', '2026-11-22 23:00', '2026-11-22T23:00:00.000Z'],
    ['week', '2026-11-23', '2026-W47', '2026-11-16T00:00:00.000Z'],
    ['week', '2026-01-05', '2026-W01', '2025-12-29T00:00:00.000Z'],
    ['week', '2027-01-04', '2026-W53', '2026-12-28T00:00:00.000Z'],
    ['week', '2024-01-01', '2023-W52', '2023-12-25T00:00:00.000Z'],
    ['week', '2026-11-24', '2026-11-17 to 2026-11-23', '2026-11-17T00:00:00.000Z'],
    ['month', '2026-11-01', '2026-10', '2026-10-01T00:00:00.000Z'],
    ['month', '2026-01-01', '2025-12', '2025-12-01T00:00:00.000Z'],
    ['month', '2026-11-15', '2026-10-15 to 2026-11-14', '2026-10-15T00:00:00.000Z'],
    // As METRICS has it: a calendar month before, or that month's last day.
    ['month', '2026-03-31', '2026-02-28 to 2026-03-30', '2026-02-28T00:00:00.000Z'],
  ] as const) {
    t.equal(covered(period, date), label, `${period} ${date}`)
    t.equal(windowBegins(period, date).toISOString(), begins, `${period} ${date}`)
  }
  t.end()
})

t.test('days that are asked for become the dates of windows that cover them', (t) => {
  const now = Date.parse('2026-11-29T12:00:00Z')
  for (const [period, days, dates] of [
    ['day', ['2026-11-22', '2026-11-28'], ['2026-11-23', '2026-11-29']],
    ['day', ['2026-11-29', '2026-11-29'], ['2026-11-30', '2026-11-30']],
    ['week', ['2026-11-11', '2026-11-17'], ['2026-11-16', '2026-11-23']],
    ['week', ['2026-11-09', '2026-11-15'], ['2026-11-16', '2026-11-16']],
    ['week', ['2026-11-09', '2026-11-28'], ['2026-11-16', undefined]],
    ['month', ['2025-12-24', '2026-10-01'], ['2026-01-01', '2026-11-01']],
    ['month', [null, '2026-11-02'], [undefined, undefined]],
    ['hour', ['2026-11-28', '2026-11-28'], ['2026-11-28T01', '2026-11-29T00']],
    ['day', [null, null], [undefined, undefined]],
    ['day', ['never', null], ['never', undefined]],
  ] as const) {
    const found = datesFor(period, days[0], days[1], now)
    t.same([found.from, found.to], dates, `${period} ${days.join(' to ')}`)
  }
  t.end()
})
