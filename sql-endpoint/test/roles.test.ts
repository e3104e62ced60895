import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Connection } from '../connection.ts'
import { Engine } from '../engine.ts'
import { limitSettings } from '../guard/settings.ts'
import { DEFAULT_LIMITS } from '../options.ts'
import { roleName } from '../roles.ts'
import { adminQuery, query, startHarness } from './harness.ts'

/*
 * The engine's own access control, without the guard: what a statement gets that the guard lets through by mistake.
 */
const limits = { maxExecutionSeconds: 5, maxWriteSeconds: 20, maxMemoryBytes: 500e6 }
const harness = await startHarness({ limits })
t.teardown(() => harness.close())
const engine = new Engine(join(harness.scratch, 'store'))
t.teardown(() => engine.close())
const file = join(harness.scratch, 'secret.txt')
writeFileSync(file, 'top-secret\n')
const created = join(harness.scratch, 'created.txt')
await harness.direct.queryAsync(`INSERT INTO default.private VALUES ('top-secret')`)

const CODE = /^Code: (\d+)/

/** The engine's answer: its text, or the code of its error. */
function ask(role: 'reader' | 'admin' | 'operator', ...statements: string[]): Promise<string> {
  return askWith({}, role, ...statements)
}

async function askWith(
  preparation: { readonly temporaryTables?: boolean },
  role: 'reader' | 'admin' | 'operator',
  ...statements: string[]
): Promise<string> {
  const overdue = { afterMs: 60_000, report: () => undefined }
  const settings = Object.fromEntries(limitSettings({ ...DEFAULT_LIMITS, ...limits }, limits.maxExecutionSeconds))
  const connection = await Connection.open(engine, { ...preparation, role: roleName(role), settings }, overdue)
  try {
    let last = ''
    for (const sql of statements) last = (await connection.run(sql, 'TSV')).bytes.toString()
    return last
  } catch (error) {
    return CODE.exec((error as Error).message)?.[1] ?? String(error)
  } finally {
    await connection.close()
  }
}

/** Refused to both roles with 497, ACCESS_DENIED. */
const REFUSED = [
  'SELECT * FROM default.private',
  `SELECT 'x' IN default.private`,
  `SELECT hasColumnInTable('default', 'private', 'secret')`,
  `SELECT * FROM mergeTreeIndex('default', 'private')`,
  'SHOW CREATE TABLE default.private',
  'DESCRIBE default.private',
  `SELECT * FROM file('${file}', 'LineAsString')`,
  `DESCRIBE file('${file}')`,
  `SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')`,
  `DESCRIBE url('http://127.0.0.1:1/')`,
  `SELECT * FROM s3('http://127.0.0.1:1/x.csv', 'CSV', 'a String')`,
  `SELECT * FROM remote('127.0.0.1', 'default', 'private')`,
  `SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')`,
  `SELECT addressToLine(1)`,
  'SELECT * FROM system.users',
  'SELECT * FROM system.roles',
  'SELECT * FROM system.grants',
  `INSERT INTO FUNCTION file('${created}', 'CSV', 'a UInt8') SELECT 1`,
  `INSERT INTO default.private SELECT 'x'`,
  'INSERT INTO readings SELECT 1, secret FROM default.private',
  `CREATE TABLE leak (a String) ENGINE = File('CSV', '${created}')`,
  `CREATE TABLE leak (a String) ENGINE = URL('http://127.0.0.1:1', 'CSV')`,
  'CREATE TABLE default.leak (a UInt8) ENGINE = Memory',
  'CREATE VIEW leak AS SELECT * FROM default.private',
  'CREATE VIEW leak DEFINER = default SQL SECURITY DEFINER AS SELECT * FROM default.private',
  'CREATE DATABASE leak',
  'CREATE FUNCTION leak AS x -> x',
  'CREATE USER leak',
  'CREATE ROLE leak',
  'CREATE SETTINGS PROFILE leak',
  'CREATE ROW POLICY leak ON gatepost.readings',
  'GRANT SELECT ON default.* TO default',
  'DROP TABLE default.private',
  'DROP DATABASE gatepost',
  'RENAME TABLE readings TO default.readings',
  'ALTER TABLE readings FREEZE',
  'ALTER TABLE readings MOVE PARTITION tuple() TO TABLE default.private',
  `BACKUP TABLE readings TO File('${created}')`,
  'SYSTEM SHUTDOWN',
  'SYSTEM FLUSH LOGS',
]

t.test('the engine refuses what a role was not granted', async (t) => {
  for (const sql of REFUSED) {
    for (const role of ['reader', 'admin'] as const) t.equal(await ask(role, sql), '497', `${role}: ${sql}`)
  }
  for (const sql of [
    `INSERT INTO readings SELECT 1, 'x'`,
    'CREATE TABLE leak (a UInt8) ENGINE = Memory',
    'CREATE VIEW leak AS SELECT 1',
    'CREATE TEMPORARY TABLE leak (a UInt8)',
    `SELECT * FROM executable('cat', 'TSV', 'a String')`,
    'DROP TABLE readings',
    'TRUNCATE TABLE readings',
    'OPTIMIZE TABLE readings',
    'ALTER TABLE readings DELETE WHERE 1',
    'ALTER TABLE readings ADD COLUMN x UInt8',
  ]) {
    t.equal(await ask('reader', sql), '497', `reader: ${sql}`)
  }
  t.equal(await ask('reader', 'SELECT count() FROM readings'), '10\n')
  t.equal(await ask('reader', 'SELECT DISTINCT database FROM system.columns'), 'gatepost\n')
  t.equal(await ask('reader', 'SELECT DISTINCT database FROM system.parts'), 'gatepost\n')
  t.equal(await ask('operator', `SELECT * FROM file('${file}', 'LineAsString')`), 'top-secret\n')
  t.equal(existsSync(created), false)
})

t.test('a session may have temporary tables in memory, and nothing more', async (t) => {
  const inSession = (...statements: string[]) => askWith({ temporaryTables: true }, 'reader', ...statements)
  for (const sql of [
    ...REFUSED,
    `CREATE TEMPORARY TABLE leak (a String) ENGINE = File('CSV', '${created}')`,
    `CREATE TEMPORARY TABLE leak (a String) ENGINE = URL('http://127.0.0.1:1', 'CSV')`,
    'CREATE TEMPORARY TABLE leak (a UInt8) ENGINE = MergeTree ORDER BY a',
    'CREATE TEMPORARY TABLE leak AS default.private',
    'CREATE TEMPORARY TABLE leak AS SELECT * FROM default.private',
    'CREATE TEMPORARY VIEW leak AS SELECT 1',
    `INSERT INTO readings SELECT 1, 'x'`,
    'CREATE TABLE leak (a UInt8) ENGINE = Memory',
    'DROP TABLE readings',
  ]) {
    t.equal(await inSession(sql), '497', sql)
  }
  const makes = ['CREATE TEMPORARY TABLE readings AS SELECT 1 AS a', 'INSERT INTO readings SELECT 2']
  t.equal(await inSession(...makes, 'SELECT sum(a) FROM readings'), '3\n')
  t.equal(await inSession(...makes, 'DROP TABLE readings', 'DROP TABLE readings'), '497', 'the real one')
  t.equal(await inSession('SELECT count() FROM readings'), '10\n', 'another connection')
})

t.test('limits cannot be raised or switched off, nor the profile that holds them', async (t) => {
  for (const [name, value] of [
    ['max_execution_time', '6'],
    ['max_execution_time', '0'],
    ['max_memory_usage', '0'],
    ['max_memory_usage', '600000000'],
    ['max_result_bytes', '0'],
  ]) {
    t.equal(await ask('reader', `SELECT 1 SETTINGS ${name} = ${value}`), '452', `${name} = ${value}`)
    t.equal(await ask('reader', `SET profile = 'default'`, `SELECT 1 SETTINGS ${name} = ${value}`), '452')
  }
  t.equal(await ask('admin', 'SELECT 1 SETTINGS max_execution_time = 21'), '452')
  t.equal(await ask('reader', 'SELECT 1 SETTINGS max_execution_time = 0.5, max_memory_usage = 1000000'), '1\n')
})

t.test('admin cannot change the audit log', async (t) => {
  await harness.direct.queryAsync('CREATE TABLE gatepost.audit_log (who String) ENGINE = MergeTree ORDER BY who')
  await harness.direct.queryAsync(`INSERT INTO gatepost.audit_log VALUES ('admin')`)
  for (const sql of [
    `INSERT INTO audit_log SELECT 'x'`,
    'ALTER TABLE audit_log DELETE WHERE 1',
    `ALTER TABLE audit_log UPDATE who = 'x' WHERE 1`,
    'DELETE FROM audit_log WHERE 1',
    'ALTER TABLE audit_log MODIFY TTL now() + INTERVAL 1 SECOND',
    'ALTER TABLE audit_log ADD COLUMN x UInt8',
    'TRUNCATE TABLE audit_log',
    'DROP TABLE audit_log',
    'RENAME TABLE audit_log TO other',
    'EXCHANGE TABLES audit_log AND readings',
    'CREATE OR REPLACE TABLE audit_log (who String) ENGINE = Memory',
    `CREATE MATERIALIZED VIEW leak TO audit_log AS SELECT name AS who FROM readings`,
  ]) {
    t.equal(await ask('admin', sql), '497', sql)
    t.match(await adminQuery(harness.url, sql), { headers: { 'x-clickhouse-exception-code': '497' } }, sql)
  }
  t.equal((await query(harness.url, 'SELECT count() FROM audit_log')).text, '1\n')
})

/* Each has to be refused by the guard: if the engine ever refuses it too, the guard can do less. */
t.test('what the engine lets through, and only the guard refuses', async (t) => {
  t.equal(await ask('reader', `SELECT file('${file}')`), 'top-secret\\n\n')
  t.equal(await ask('reader', `SELECT arrayMap(file, ['${file}'])`), `['top-secret\\n']\n`)
  t.equal(await ask('reader', 'SET ROLE ALL', 'SELECT * FROM default.private'), 'top-secret\n')
  t.match(await ask('reader', 'SELECT count() FROM system.server_settings'), /^\d{2,}\n$/)
  t.match(await ask('reader', 'SELECT query FROM system.processes'), /system.processes/)
  t.equal(await ask('reader', `SELECT 1 INTO OUTFILE '${created}'`), '')
  t.equal(existsSync(created), true)
})

t.test('an engine that was opened without the roles is not served', async (t) => {
  const path = join(t.testdir(), 'store')
  // One process has one engine: this one has to be in a process of its own.
  const { spawnSync } = await import('node:child_process')
  const program = `
    import { Session } from 'chdb'
    import { pino } from 'pino'
    import { startSqlEndpoint } from ${JSON.stringify(new URL('../endpoint.js', import.meta.url).href)}
    const session = new Session(${JSON.stringify(path)})
    await startSqlEndpoint({ dataPath: ${JSON.stringify(path)}, host: '127.0.0.1', port: 0, logger: pino({ level: 'silent' }) })
      .then(() => console.log('served'), (error) => console.log(error.code, error.message))
    process.exit()`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('../..', import.meta.url),
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
  })
  t.equal(stdout, 'STORE_UNAVAILABLE SQL endpoint: the engine was opened without the role sql_reader\n')
})
