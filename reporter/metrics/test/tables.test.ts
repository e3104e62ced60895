import { join } from 'node:path'
import t from 'tap'
import { openEngine } from '../../test/engine.ts'
import { LOGIN_DAYS, METRICS, metricSql } from '../definitions.ts'

const store = await openEngine(join(t.testdir(), 'data'))
t.teardown(() => store.close())

t.test('a metric declares the tables that its query reads', async (t) => {
  const window = { start: '2024-02-01 00:00:00', end: '2024-03-01 00:00:00' }
  for (const metric of METRICS) {
    const { name, tables, source } = metric
    for (const logins of source === undefined ? [null] : [LOGIN_DAYS.table, LOGIN_DAYS.history]) {
      const plan = await store.query<{ explain: string }>(`EXPLAIN QUERY TREE ${metricSql(metric)}`, {
        ...window,
        ...(logins === null ? {} : { logins }),
      })
      const read = plan.flatMap(({ explain }) => /table_name: gatepost\.(\w+)/.exec(explain)?.[1] ?? [])
      t.same([...new Set(read)].sort(), [...tables, ...(logins === null ? [] : [logins])].sort(), name)
    }
  }
})
