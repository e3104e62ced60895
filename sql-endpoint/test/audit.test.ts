import t from 'tap'
import type { AuditEntry } from '../../store/audit-log.ts'
import { adminQuery, query, send, startHarness } from './harness.ts'

const entries: AuditEntry[] = []
const harness = await startHarness({ password: 'of analysts', audit: (entry) => entries.push(entry) })
t.teardown(() => harness.close())
const { url } = harness

/** What a statement leaves in the audit. */
async function leaves(sql: string, ask: (sql: string) => Promise<unknown>): Promise<string[]> {
  entries.length = 0
  await ask(sql)
  for (const { remoteIp } of entries) if (remoteIp !== '127.0.0.1') throw new Error(remoteIp)
  return entries.map(({ who, action, subject }) => `${who} ${action} ${subject}`)
}

const read = (sql: string) => query(url, sql, { password: 'of analysts' })
const write = (sql: string) => adminQuery(url, sql)

t.test('who asked, the kind of statement and the tables it names', async (t) => {
  for (const [sql, subject] of [
    ['SELECT 1', 'SELECT'],
    ["SELECT name AS alice FROM readings WHERE name = 'alice' -- alice", 'SELECT readings'],
    ['WITH a AS (SELECT id FROM gatepost.readings) SELECT * FROM a', 'SELECT a readings'],
    ['SELECT * FROM (SELECT 1 AS id) AS x JOIN `readings` AS r ON x.id = r.id', 'SELECT readings'],
    ['SELECT 1 IN readings', 'SELECT readings'],
    ['SELECT 1 UNION ALL SELECT count() FROM readings', 'SELECT readings'],
    ['SELECT count() FROM view(SELECT * FROM readings)', 'SELECT readings'],
    ['SELECT name FROM system.tables', 'SELECT system.tables'],
    ['WITH `alice b` AS (SELECT 1) SELECT * FROM `alice b`', 'SELECT (name)'],
    ['EXPLAIN SELECT * FROM readings', 'EXPLAIN readings'],
    ['DESCRIBE readings', 'DESCRIBE readings'],
    ['SHOW TABLES', 'SHOW'],
  ] as const)
    t.same(await leaves(sql, read), [`sql:default sql_query ${subject}`], sql)
  for (const [sql, subject] of [
    ["INSERT INTO readings VALUES (1, 'alice')", 'INSERT readings'],
    ['INSERT INTO gatepost.readings SELECT id, name FROM readings WHERE 0', 'INSERT readings'],
    ['CREATE TABLE other (id UInt64) ENGINE = Memory', 'CREATE other'],
    ['RENAME TABLE other TO another', 'RENAME another other'],
    ['DROP TABLE another', 'DROP another'],
  ] as const)
    t.same(await leaves(sql, write), [`sql:admin sql_query ${subject}`], sql)
})

t.test('what the guard refuses, and wrong passwords', async (t) => {
  t.same(await leaves("SELECT * FROM file('/etc/passwd')", read), ['sql:default sql_refused '])
  t.same(await leaves('DROP TABLE readings', read), ['sql:default sql_refused '])
  const guess = (user: string) => () => send(url, { body: 'SELECT 1', params: { user, password: 'alice' } })
  t.same(await leaves('', guess('admin')), ['nobody sql_login_refused user=admin'])
  t.same(await leaves('', guess('bob')), ['nobody sql_login_refused user=(unknown)'])
})
