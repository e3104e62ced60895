import { pino } from 'pino'
import t from 'tap'
import { until } from '../../../test/helpers/until.ts'
import { addLogins, openEngine } from '../../test/engine.ts'
import { latestDue } from '../../metrics/due.ts'
import { DAY_MS } from '../../metrics/window.ts'
import { startHistory } from '../schedule.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())
const options = {
  secret: 'a secret of the tests',
  identifiedDays: 30,
  keptDays: 400,
  logger: pino({ level: 'silent' }),
}

t.test('logins of complete days are copied at the start', async (t) => {
  const login = { user: 'ALICE1', site: '192.0.2.1', success: 1 as const, mac: '02-00-00-00-00-01' }
  await addLogins(store, [{ ...login, at: new Date(Date.now() - 3 * DAY_MS).toISOString() }])
  const history = startHistory({ ...options, store })
  await until(() => history.stats.currentTo !== null)
  await history.stop()
  t.same(history.stats, { failures: 0, currentTo: latestDue(new Date()).getTime() })
  const rows = await store.query<{ kind: string }>('SELECT DISTINCT kind FROM gatepost.login_history ORDER BY kind')
  t.ok(rows.length > 0)
})

t.test('an unavailable store is counted, and days that are not copied are not reported as current', async (t) => {
  const away = () => Promise.reject(new Error('away'))
  const history = startHistory({ ...options, store: { query: away, command: away } })
  await until(() => history.stats.failures > 0)
  await history.stop()
  t.same(history.stats, { failures: 1, currentTo: null })
})
