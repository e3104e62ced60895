import t from 'tap'
import { random } from '../../../test/helpers/random.ts'
import { METRICS } from '../../metrics/definitions.ts'
import { replaceLocations } from '../../locations/table.ts'
import { computeMetric } from '../../metrics/metric.ts'
import { addLogins, openEngine, type Login } from '../../test/engine.ts'
import { DAY_MS, dayOf } from '../../metrics/window.ts'
import { copyHistory, dropOldHistory } from '../copy.ts'
import { pseudonymKey } from '../../../privacy/pseudonym.ts'
import { retentionOf } from '../../../store/retention.ts'

/* The history under pseudonyms, with the real engine. */
const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const NOW = new Date('2024-06-12T10:00:00.000Z')
const FIRST = new Date('2024-03-25T00:00:00.000Z').getTime()
const DAYS = 79
const KEY = pseudonymKey('a secret of the tests')
const SITES = ['192.0.2.1', '192.0.2.2', '2001:db8::2', '203.0.113.9']
const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

await replaceLocations(store, [
  { ip: SITES[0], location_id: 0, name: 'Town hall' },
  { ip: SITES[1], location_id: 8, name: 'Library' },
  { ip: SITES[2], location_id: 8, name: 'Library' },
])

/** Some users and some certificates, at any time of the day. */
function logins(count: number): Login[] {
  const next = random(SEED)
  const pick = (below: number) => Math.floor(next() * below)
  return Array.from({ length: count }, () => {
    const person = pick(40)
    const login = {
      at: new Date(FIRST + Math.floor(next() * DAYS * DAY_MS)).toISOString(),
      site: SITES[pick(SITES.length)],
      success: pick(4) > 0 ? (1 as const) : (0 as const),
    }
    if (person < 5) return { ...login, serial: `serial-${person}`, issuer: `issuer-${person % 2}` }
    return { ...login, user: `USER${person}`, mac: pick(8) === 0 ? '' : `02-00-00-00-${10 + person}-0${pick(3)}` }
  })
}

const COUNTED = METRICS.filter(({ source }) => source !== undefined)

/** Every metric of users, for dates from long ago until now. */
async function results(keptDays: number): Promise<Map<string, unknown>> {
  const all = new Map<string, unknown>()
  for (let day = FIRST + 32 * DAY_MS; day <= NOW.getTime(); day += 11 * DAY_MS) {
    for (const metric of COUNTED) {
      for (const period of metric.periods) {
        const date = dayOf(new Date(day))
        const request = { metric, period, date, partial: false, retention: retentionOf(keptDays), now: NOW }
        all.set(`${metric.name} ${period} ${date}`, await computeMetric(store, request))
      }
    }
  }
  return all
}

t.test(`metrics are the same under pseudonyms, and nobody is named (seed ${SEED})`, async (t) => {
  await addLogins(store, logins(3000))
  const before = await results(3650)
  t.equal(await copyHistory(store, KEY, 3650, NOW), DAYS)
  t.equal(await copyHistory(store, KEY, 3650, NOW), 0, 'once a day')
  // Copied again in part, as after an interruption, or by another process.
  await store.command('TRUNCATE TABLE gatepost.login_history_days')
  await copyHistory(store, KEY, 3650, NOW)
  for (const table of ['post_auth', 'login_calendar', 'metrics'])
    await store.command(`TRUNCATE TABLE gatepost.${table}`)

  // No row with names remains.
  const after = await results(1)
  t.ok(before.size > 50)
  t.same(after, before)
  const rows = await store.query<{ subject: string; detail: string; kind: string }>(
    'SELECT DISTINCT kind, subject, detail FROM gatepost.login_history',
  )
  for (const { kind, subject, detail } of rows) {
    t.match(subject, /^[0-9a-f]{32}$/)
    if (kind === 'mac') t.match(detail, /^([0-9a-f]{32})?$/)
    else t.notMatch(detail, /USER|serial|02-00/)
  }
})

t.test('a window with a missing day is not computed', async (t) => {
  await store.command('TRUNCATE TABLE gatepost.metrics')
  await store.command(
    "ALTER TABLE gatepost.login_history_days DELETE WHERE day = '2024-05-01' SETTINGS mutations_sync = 2",
  )
  const [metric] = COUNTED
  const of = (date: string) =>
    computeMetric(store, { metric, period: 'day', date, partial: false, retention: retentionOf(32), now: NOW })
  t.match(await of('2024-05-02'), { outcome: 'expired' })
  t.match(await of('2024-05-03'), { outcome: 'result' })
})

t.test('another secret gives other pseudonyms', (t) => {
  t.not(pseudonymKey('a secret of the tests').key0, pseudonymKey('another secret of them').key0)
  t.end()
})

t.test('months are dropped when all their days are too old', async (t) => {
  const months = () =>
    store.query<{ month: string }>(
      'SELECT DISTINCT toString(rows.month) AS month FROM gatepost.login_history AS rows ORDER BY month',
    )
  t.same(
    await months(),
    ['2024-03-01', '2024-04-01', '2024-05-01', '2024-06-01'].map((month) => ({ month })),
  )
  await dropOldHistory(store, 43, NOW)
  t.same(
    await months(),
    ['2024-04-01', '2024-05-01', '2024-06-01'].map((month) => ({ month })),
  )
  await dropOldHistory(store, 42, NOW)
  t.same(
    await months(),
    ['2024-05-01', '2024-06-01'].map((month) => ({ month })),
  )
})
