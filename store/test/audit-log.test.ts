import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { GatepostError } from '../../common/errors.ts'
import { AuditLog, type AuditEntry } from '../audit-log.ts'
import { openMigratedStore } from '../../test/helpers/migrated-store.ts'
import type { TableStore } from '../table-store.ts'

const logger = createLogger('audit-test')
const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
t.teardown(() => store.close())

const entry = (subject: string): AuditEntry => ({
  who: 'sql:default',
  action: 'sql_query',
  subject,
  remoteIp: '192.0.2.1',
})

interface Row {
  readonly subject: string
  readonly times: number
}

async function rows(): Promise<Row[]> {
  const found = await store.query<Row>('SELECT subject, toUInt32(times) AS times FROM gatepost.audit_log ORDER BY at')
  await store.command('TRUNCATE TABLE gatepost.audit_log')
  return found
}

t.test('equal entries are two rows', async (t) => {
  const log = new AuditLog(store, logger)
  for (let times = 0; times < 100; times++) log.count(entry('SELECT post_auth'), new Date())
  await log.recordOnce(entry('SELECT sessions'), new Date())
  await log.recordOnce(entry('SELECT sessions'), new Date())
  await log.close()
  t.same(
    (await rows()).sort((a, b) => `${a.subject} ${a.times}`.localeCompare(`${b.subject} ${b.times}`)),
    [
      { subject: 'SELECT post_auth', times: 1 },
      { subject: 'SELECT post_auth', times: 99 },
      { subject: 'SELECT sessions', times: 1 },
      { subject: 'SELECT sessions', times: 1 },
    ],
  )
})

t.test('the number of different ones is bounded, and none is left out of the counts', async (t) => {
  const log = new AuditLog(store, logger)
  for (let name = 0; name < 5000; name++) log.count(entry(`SELECT t${name}`), new Date())
  await log.close()
  const found = await rows()
  t.equal(found.length, 2001)
  t.same(
    found.filter(({ subject }) => subject === '(others)'),
    [{ subject: '(others)', times: 3000 }],
  )
})

t.test('while the store takes nothing, rows wait, and a look is not answered', async (t) => {
  let away = true
  const failing: TableStore = {
    query: (sql, params) => store.query(sql, params),
    command: (sql, params) =>
      away ? Promise.reject(new GatepostError('STORE_UNAVAILABLE', 'away')) : store.command(sql, params),
  }
  const log = new AuditLog(failing, logger)
  await t.rejects(log.recordOnce(entry('a look'), new Date()), { code: 'STORE_UNAVAILABLE' })
  await t.rejects(log.recordOnce(entry('a look'), new Date()), { code: 'STORE_UNAVAILABLE' }, 'nor the next')
  log.count(entry('SELECT post_auth'), new Date())
  away = false
  await log.close()
  t.same(await rows(), [{ subject: 'SELECT post_auth', times: 1 }])
  t.equal(log.lost, 0)
})
