import fc from 'fast-check'
import t, { type Test as T } from 'tap'
import { repeated, makeBatch, type MadeBatch } from '../../../schemas/test/records.ts'
import { replaceLocations } from '../../locations/table.ts'
import { beginningOf, DAY_MS, dayOf, thirtyDaysBefore, windowEnding, type Window } from '../window.ts'
import { fieldsOf } from './compute.ts'
import { clear, openEngine } from '../../test/engine.ts'

/*
 * The metrics of users read login_calendar, which materialized views fill. These tests compare them with plain queries of the raw rows,
 * over batches that arrive late, in any order and several times, alone and together. The batches are inserted as the aggregator does: through
 * insertOnce(), which runs the views again over a batch that is already stored.
 */

const store = await openEngine(t.testdir())
t.teardown(() => store.close())
await replaceLocations(store, [
  { ip: '192.0.2.1', location_id: 0, name: '' },
  { ip: '192.0.2.2', location_id: 1, name: '' },
])

const now = new Date('2024-05-01T00:00:00.000Z')
const FIRST = Date.parse('2024-01-30T00:00:00.000Z')

const fields = fc.record({
  username: fc.constantFrom('', 'ALICE1', 'BOBBY1', 'CAROL1', 'DAVID1'),
  site_ip: fc.constantFrom('', '192.0.2.1', '192.0.2.2', '203.0.113.1'),
  success: fc.boolean(),
  mac: fc.constantFrom('', 'M1', 'M2', 'M3'),
  cert_serial: fc.constantFrom('', '01', '02'),
  cert_issuer: fc.constantFrom('CA 1', 'CA 2'),
})
const batch = fc
  .tuple(
    fc.integer({ min: 0, max: 61 }),
    fc.constantFrom(0, 1, DAY_MS - 1, DAY_MS / 2),
    fc.array(fields, { minLength: 1, maxLength: 6 }),
  )
  .map(([day, offset, records]) => makeBatch('post_auth', FIRST + day * DAY_MS + offset, records))
/** The batches that are inserted, in order: some twice, some never. */
const arrivals = (count: number) => fc.array(fc.nat({ max: count - 1 }), { minLength: count, maxLength: 2 * count })

/** Batches that one insert can store. */
function byMonth(batches: readonly MadeBatch[]): MadeBatch[][] {
  const monthOf = ({ minReceivedAt }: MadeBatch) => new Date(minReceivedAt).getUTCMonth()
  return [...new Set(batches.map(monthOf))].map((month) => batches.filter((each) => monthOf(each) === month))
}

async function raw<T>(select: string, { start, end }: Window): Promise<T> {
  const [row] = await store.query<T>(
    `${select} AND received_at >= {start:DateTime64(3, 'UTC')} AND received_at < {end:DateTime64(3, 'UTC')}`,
    { start: start.toISOString().slice(0, 23), end: end.toISOString().slice(0, 23) },
  )
  return row
}

const SUCCESSFUL = "FROM gatepost.post_auth WHERE success = 1 AND username != ''"
const LOCATION = `multiIf(site_ip = '192.0.2.1', 0, site_ip = '192.0.2.2', 1, -1)`

async function compare(t: T, date: string): Promise<void> {
  const begins = beginningOf(date) as Date
  for (const period of ['day', 'week', 'month'] as const) {
    const window = windowEnding(period, begins)
    const of = (name: string) => fieldsOf(store, name, { period, date, now })
    const { users, pairs } = await raw<{ users: string; pairs: string }>(
      `SELECT uniqExact(username) AS users, uniqExact(username, ${LOCATION}) AS pairs ${SUCCESSFUL}`,
      window,
    )
    t.same(await of('active-users'), { users: Number(users) }, `${period} ${date}`)
    t.match(await of('account-usage'), { total: Number(users), transactions: Number(pairs) })
    const { cba } = await raw<{ cba: string }>(
      "SELECT uniqExact(cert_serial, cert_issuer) AS cba FROM gatepost.post_auth WHERE success = 1 AND username = '' AND cert_serial != ''",
      window,
    )
    t.match(await of('roaming-users'), { active: Number(users), cba: Number(cba) })
    const { macs, all_users } = await raw<{ macs: string; all_users: string }>(
      "SELECT uniqExactIf(username, mac, mac != '') AS macs, uniqExact(username) AS all_users FROM gatepost.post_auth WHERE username != ''",
      window,
    )
    const devices = all_users === '0' ? null : Number(macs) / Number(all_users)
    t.same(await of('user-devices'), { devices })
  }
  const thirty = await raw<{ users: string }>(
    `SELECT uniqExact(username) AS users ${SUCCESSFUL}`,
    thirtyDaysBefore(begins),
  )
  t.match(await fieldsOf(store, 'monthly-rolling-window-total-active-users', { date, now }), {
    users: Number(thirty.users),
  })
}

t.test('counts from the calendar equal counts from the raw rows', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .array(batch, { minLength: 3, maxLength: 12 })
        .chain((batches) => fc.tuple(fc.constant(batches), arrivals(batches.length))),
      fc.integer({ min: 1, max: 62 }).map((day) => dayOf(new Date(FIRST + day * DAY_MS))),
      async ([batches, order], date) => {
        await clear(store)
        for (const index of order) await store.insertOnce('post_auth', [batches[index]])
        await compare(t, date)
        // A metric that was computed before includes later logins when it is computed again.
        for (const late of byMonth(batches)) await store.insertOnce('post_auth', late)
        await compare(t, date)
      },
    ),
    { numRuns: 8 },
  )
})

t.test('a repeated batch sets no other bits, and one row is left when parts are merged', async (t) => {
  await clear(store)
  const of = (day: number): MadeBatch => makeBatch('post_auth', FIRST + day * DAY_MS, repeated(3))
  const [first, second] = [of(2), of(5)]
  for (const each of [second, first, second, first]) await store.insertOnce('post_auth', [each])
  await store.command('OPTIMIZE TABLE gatepost.login_calendar FINAL')
  t.same(
    await store.query(
      'SELECT month, kind, subject, detail, days, accepted, last_day FROM gatepost.login_calendar ORDER BY kind',
    ),
    [
      { kind: 'mac', detail: '50-A6-7F-84-9C-D1' },
      { kind: 'site', detail: '192.0.2.7' },
    ].map((row) => ({
      month: '2024-02-01',
      ...row,
      subject: 'ABCDEF',
      days: 0b1001,
      accepted: 0b1001,
      last_day: '2024-02-04',
    })),
  )
})

t.test('a row expires when the last of its days does', async (t) => {
  await clear(store)
  const today = Date.now()
  await store.insertOnce('post_auth', [makeBatch('post_auth', FIRST, repeated(1, { username: 'OLDONE' }))])
  await store.insertOnce('post_auth', [makeBatch('post_auth', today, repeated(1, { username: 'NEWONE' }))])
  // As a change of the retention does.
  await store.command('ALTER TABLE gatepost.login_calendar MODIFY TTL toDateTime(last_day) + toIntervalDay(32)')
  await store.command('OPTIMIZE TABLE gatepost.login_calendar FINAL')
  t.same(await store.query('SELECT DISTINCT subject FROM gatepost.login_calendar'), [{ subject: 'NEWONE' }])
})
