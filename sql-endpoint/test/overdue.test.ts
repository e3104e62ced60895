import t from 'tap'
import { until } from '../../test/helpers/until.ts'
import { startHarness } from './harness.ts'

/** The engine checks a time limit between blocks only, and this is one call of a function: some seconds. */
const LONG = 'SELECT arrayLevenshteinDistance(range(40000), arrayMap(x -> x + 1, range(40000)))'

t.test('a query that the engine does not end is reported, so that its process can be replaced', async (t) => {
  const reasons: string[] = []
  const limits = { maxExecutionSeconds: 1, overdueSeconds: 1 }
  const harness = await startHarness({ limits, onOverdue: (reason) => reasons.push(reason) })
  t.teardown(() => harness.close())
  const answer = fetch(harness.url, { method: 'POST', body: LONG })
  t.ok(await until(() => reasons.length === 1))
  t.match(reasons, [/the engine has not ended a query 1 s after its limit of 1 s/])
  t.equal((await answer).status, 408, 'here nobody replaces it')

  t.equal((await fetch(harness.url, { method: 'POST', body: 'SELECT 1' })).status, 200)
  t.equal(reasons.length, 1, 'what ends in time is not reported')
})
