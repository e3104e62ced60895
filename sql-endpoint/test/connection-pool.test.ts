import { join } from 'node:path'
import t from 'tap'
import { ConnectionPool } from '../connection-pool.ts'
import { Engine } from '../engine.ts'
import { limitSettings } from '../guard/settings.ts'
import { DEFAULT_LIMITS } from '../options.ts'
import { roleName } from '../roles.ts'
import { ESCAPES } from '../guard/test/escapes.ts'
import { adminQuery, query, startHarness } from './harness.ts'

/*
 * Connections that run the statements of several requests, without the guard before them: whatever it lets through by mistake must not change
 * what the next statement may do.
 */
const harness = await startHarness()
t.teardown(() => harness.close())
const engine = new Engine(join(harness.scratch, 'store'))
t.teardown(() => engine.close())
await harness.direct.queryAsync(`INSERT INTO default.private VALUES ('top-secret')`)

const overdue = { afterMs: 60_000, report: () => undefined }
const limits = Object.fromEntries(limitSettings(DEFAULT_LIMITS, 5))
const reading = { role: roleName('reader'), settings: { ...limits, readonly: '1' } }

/** Everything that can stay on a connection, but the parameters, which the endpoint refuses if a request did not send them. */
const STATE = `SELECT currentDatabase(), currentRoles(), enabledRoles(), currentProfiles(),
  (SELECT groupArray((name, value)) FROM system.settings WHERE changed AND name != 'query_cache_tag'),
  (SELECT groupArray(name) FROM system.tables WHERE is_temporary)`

const fill = (sql: string): string =>
  sql
    .replaceAll("FILE'", `${join(harness.scratch, 'nothing.txt')}'`)
    .replaceAll('NEW', join(harness.scratch, 'created.txt'))
    .replaceAll(/(?<=['"])URL/g, 'http://127.0.0.1:1')

const LEAKS = [
  'SET ROLE ALL',
  'SET ROLE NONE',
  'SET ROLE everything',
  'SET DEFAULT ROLE everything TO default',
  `SET profile = 'default'`,
  `SET profile = 'sql_operator'`,
  'SET max_threads = 3',
  'SET readonly = 0',
  'SET max_execution_time = 3',
  'SET query_cache_tag = 1',
  'SELECT 1 SETTINGS max_threads = 3',
  'BEGIN TRANSACTION',
  'USE system',
  'USE default',
  'CREATE TEMPORARY TABLE readings AS SELECT 1 AS id',
  'SET ROLE ALL; CREATE TEMPORARY TABLE readings AS SELECT 1 AS id',
  'SET ROLE ALL; USE default',
  'SET ROLE ALL; SET readonly = 0; SET max_threads = 3',
  `SET profile = 'default'; SET readonly = 2, max_execution_time = 0`,
]

t.test('a connection is as before, whatever ran on it', async (t) => {
  const pool = new ConnectionPool(engine, 4)
  const used = async () => {
    const connection = await pool.take('default', reading, overdue)
    await connection.run('SELECT count() FROM readings', 'TSV')
    await pool.giveBack(connection, 'usable')
    await pool.settled()
    return connection
  }
  const first = await pool.take('default', reading, overdue)
  const fresh = (await first.run(STATE, 'TSV')).bytes.toString()
  t.match(fresh, /^gatepost\t\['sql_reader'\]\t\['sql_reader'\]\t/)
  await first.close()
  let whole = 0
  for (const sql of [...LEAKS, ...ESCAPES.map(fill)]) {
    const before = await used()
    const connection = await pool.take('default', reading, overdue)
    t.equal(connection, before)
    const isWhole = await connection.run(sql, 'TSV').then(
      () => true,
      () => false,
    )
    if (isWhole) whole++
    await pool.giveBack(connection, isWhole ? 'usable' : 'unusable')
    await pool.settled()
    const next = await pool.take('default', reading, overdue)
    t.equal(next === connection, isWhole, sql)
    t.equal((await next.run(STATE, 'TSV')).bytes.toString(), fresh, sql)
    await t.rejects(next.run('SELECT * FROM default.private', 'TSV'), /ACCESS_DENIED/, sql)
    await pool.giveBack(next, 'usable')
    t.equal(pool.idle, 0, 'what has failed is not used again')
  }
  t.ok(whole > 20, `${whole} of them ended well, and others ran after them on their connection`)
  await pool.close()
})

t.test(
  'a connection is as it was after one SELECT without a SETTINGS clause, and after EXPLAIN AST of any statement',
  async (t) => {
    const pool = new ConnectionPool(engine, 4)
    const parser = await pool.take('parser', reading, overdue)
    const isSelect = async (sql: string) => {
      // Its profile would stay. The endpoint runs such a text on a connection of its own.
      if (/settings/i.test(sql)) return false
      try {
        const normal = await parser.normalise(sql)
        const isOne = normal.tokens.every(({ kind }) => kind !== 'Semicolon')
        return isOne && (await parser.printAst(normal.sql)).startsWith('Select')
      } catch {
        return false
      }
    }
    const first = await pool.take('default', reading, overdue)
    const fresh = (await first.run(STATE, 'TSV')).bytes.toString()
    await first.close()
    const kinds = { selects: 0, others: 0, whole: 0 }
    for (const sql of [...LEAKS, ...ESCAPES.map(fill)]) {
      if (!(await isSelect(sql))) {
        kinds.others++
        continue
      }
      kinds.selects++
      const connection = await pool.take('default', reading, overdue)
      const isWhole = await connection.run(sql, 'TSV').then(
        () => true,
        () => false,
      )
      await pool.giveBack(connection, isWhole ? 'unchanged' : 'unusable')
      const next = await pool.take('default', reading, overdue)
      t.equal(next === connection, isWhole, 'ready at once')
      if (isWhole) kinds.whole++
      t.equal((await next.run(STATE, 'TSV')).bytes.toString(), fresh, sql)
      await pool.giveBack(next, 'unchanged')
    }
    t.equal((await parser.run(STATE, 'TSV')).bytes.toString(), fresh, 'EXPLAIN AST')
    t.ok(kinds.selects > 50 && kinds.whole > 5 && kinds.others > 20, JSON.stringify(kinds))
    await parser.close()
    await pool.close()
  },
)

t.test('users, roles and settings do not share connections', async (t) => {
  const pool = new ConnectionPool(engine, 10)
  const settings = reading.settings
  const kinds: [string, Parameters<ConnectionPool['take']>[1]][] = [
    ['default', reading],
    ['another', reading],
    ['default', { role: roleName('admin'), settings }],
    ['default', { ...reading, settings: { ...settings, max_threads: '1' } }],
    ['default', { ...reading, settings: { ...settings, max_execution_time: '1' } }],
  ]
  const tags: string[] = []
  for (const [user, preparation] of kinds) {
    const connection = await pool.take(user, preparation, overdue)
    tags.push(connection.tag)
    await pool.giveBack(connection, 'usable')
    await pool.settled()
  }
  t.equal(new Set(tags).size, kinds.length)
  t.equal(pool.idle, kinds.length)
  for (const [at, [user, preparation]] of kinds.entries()) {
    const connection = await pool.take(user, preparation, overdue)
    t.equal(connection.tag, tags[at], 'its own again')
    await connection.close()
  }
  for (const preparation of [
    { ...reading, settings: { ...settings, readonly: '2' } },
    { ...reading, settings: limits },
    { ...reading, temporaryTables: true },
  ]) {
    await pool.giveBack(await pool.take('default', preparation, overdue), 'usable')
    t.equal(pool.idle, 0, 'what a statement may change is not used again')
  }
  await pool.close()
})

t.test('a connection is closed that failed, was left, has many parameters, or is one too many', async (t) => {
  const pool = new ConnectionPool(engine, 2)
  const failed = await pool.take('default', reading, overdue)
  await t.rejects(failed.run('SELECT throwIf(number = 9) FROM numbers(10)', 'TSV'))
  await pool.giveBack(failed, 'usable')
  t.equal(pool.idle, 0)

  await pool.giveBack(await pool.take('default', reading, overdue), 'unusable')
  t.equal(pool.idle, 0)

  const left = await pool.take('default', reading, overdue)
  const chunks = left.stream('SELECT number FROM numbers(1000000)', 'TSV')
  t.equal((await chunks.next()).done, false)
  await chunks.return(undefined)
  await pool.giveBack(left, 'usable')
  t.equal(pool.idle, 0)

  const streamed = await pool.take('default', reading, overdue)
  for await (const chunk of streamed.stream('SELECT number FROM numbers(1000000)', 'TSV')) t.ok(chunk.rows >= 0)
  await pool.giveBack(streamed, 'usable')
  await pool.settled()
  const again = await pool.take('default', reading, overdue)
  t.equal(again, streamed)
  t.equal((await again.run('SELECT 1', 'TSV')).bytes.toString(), '1\n')
  again.setParameters(new Map([['a', 'x'.repeat(20_000)]]))
  await pool.giveBack(again, 'usable')
  t.equal(pool.idle, 0)

  const three = await Promise.all([1, 2, 3].map(() => pool.take('default', reading, overdue)))
  for (const connection of three) await pool.giveBack(connection, 'usable')
  t.equal(pool.idle, 2)
  await t.rejects(three[0].run('SELECT 1', 'TSV'), 'closed')
  await pool.close()
  t.equal(pool.idle, 0)
})

t.test('a parameter of an earlier request has no value', async (t) => {
  const { url } = harness
  await adminQuery(
    url,
    'CREATE VIEW parametrised AS SELECT id, {least:UInt64} AS least FROM readings WHERE id >= {least:UInt64}',
  )
  for (let time = 0; time < 5; time++) {
    t.equal((await query(url, 'SELECT {least:UInt64}', { param_least: '7' })).text, '7\n')
    for (const sql of [
      'SELECT {least:UInt64}',
      'SELECT {`least`:String}',
      'SELECT id FROM readings WHERE id = {least : UInt64}',
    ]) {
      t.match((await query(url, sql)).text, /UNKNOWN_QUERY_PARAMETER|SYNTAX_ERROR/, sql)
    }
    t.match((await query(url, 'SELECT id FROM parametrised')).text, /Exception/)
  }
})
