import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { openMigratedStore } from '../../test/helpers/migrated-store.ts'
import { QueryLog } from '../query-log.ts'

t.test('rows are in the table when the log is closed', async (t) => {
  const logger = createLogger('query-log-test')
  const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
  t.teardown(() => store.close())
  const log = new QueryLog(store, logger)
  const entry = {
    user: 'default',
    remote_ip: '192.0.2.1',
    kind: 'SELECT',
    tables: ['post_auth', 'sessions'],
    query: 'SELECT count() FROM post_auth WHERE username = ?',
    exception_code: 0,
    result_rows: 1,
    result_bytes: 2,
    elapsed_ms: 7,
  }
  for (let n = 0; n < 6000; n++) log.add({ ...entry, result_rows: n }, new Date('2026-11-29T12:00:00.123Z'))
  await log.close()
  t.equal(log.lost, 1000, 'more than wait are dropped, the oldest first, and counted')
  const rows = await store.query(
    'SELECT toString(at) AS at, * EXCEPT (at, result_rows), toUInt32(min(result_rows) OVER ()) AS least, count() OVER () AS n FROM gatepost.sql_queries LIMIT 1',
  )
  t.match(rows, [{ at: '2026-11-29 12:00:00.123', user: 'default', kind: 'SELECT', tables: entry.tables, least: 1000 }])
})
