import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { readSqlUsers } from '../runtime/config/sql-users.ts'
import { engineRoles, startSqlEndpoint } from '../sql-endpoint/index.ts'
import { openEngine } from '../store/embedded/access-control.ts'
import { openMigratedStore } from './helpers/migrated-store.ts'

/* The file of docs/sql-endpoint.md, with Gatepost's own tables. Both hashes there are of these words. */
const PASSWORDS: Record<string, string> = { statistics: 'test', network: 'test2' }
const page = readFileSync(new URL('../../docs/sql-endpoint.md', import.meta.url), 'utf8')
const [, yaml = ''] = /```yaml\n(users:[^]*?)```/.exec(page) ?? []

t.test('the users of the documentation see what it says', async (t) => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'users.yaml'), yaml)
  const readers = readSqlUsers(join(directory, 'users.yaml'))
  const logger = pino({ level: 'silent' })
  const path = join(directory, 'store')
  const store = await openMigratedStore({ path, logger, roles: engineRoles(readers) })
  t.teardown(() => store.close())
  const options = { dataPath: path, host: '127.0.0.1', port: 0, password: 'default-password', readers, logger }
  const endpoint = await startSqlEndpoint(options)
  t.teardown(() => endpoint.close())

  const ask = async (user: string, sql: string): Promise<string> => {
    const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': PASSWORDS[user] }
    const answer = await fetch(`http://127.0.0.1:${endpoint.port}/`, { method: 'POST', body: sql, headers })
    return answer.headers.get('x-clickhouse-exception-code') ?? (await answer.text())
  }
  for (const sql of [
    'SELECT * FROM metrics',
    'SELECT gw_id, name, received_at FROM gateway_pings INNER JOIN gateway_names USING (gw_id)',
  ]) {
    t.equal(await ask('statistics', sql), '', sql)
  }
  t.equal(await ask('statistics', 'SELECT count() FROM gateway_pings'), '0\n')
  for (const sql of [
    'SELECT * FROM gateway_pings',
    'SELECT remote_ip FROM gateway_pings',
    'SELECT count() FROM post_auth',
    'SELECT count() FROM sessions',
    'SELECT count() FROM gateways',
  ]) {
    t.equal(await ask('statistics', sql), '497', sql)
  }
  for (const sql of ['SELECT * EXCEPT (username, mac) FROM post_auth', 'SELECT * FROM gateways']) {
    t.equal(await ask('network', sql), '', sql)
  }
  for (const sql of [
    'SELECT * FROM post_auth',
    'SELECT username FROM post_auth',
    'SELECT * FROM accounts',
    'SELECT * FROM account_status',
    'SELECT payload FROM dead_letters',
    'SELECT * FROM audit_log',
  ]) {
    t.equal(await ask('network', sql), '497', sql)
  }
})

/* A column of the view `sessions` was told to users of whom the tuple behind it is hidden: the engine took its elements for other columns. */
t.test('every part of every column can be hidden', async (t) => {
  const path = join(t.testdir(), 'store')
  const store = await openMigratedStore({ path, roles: engineRoles([]) })
  t.teardown(() => store.close())
  const engine = openEngine(path, engineRoles([]))
  t.teardown(() => engine.close())
  const rows = async <T>(sql: string) => (await engine.queryAsync(sql, { format: 'JSON' })).json<{ data: T[] }>().data
  const tables = await rows<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = 'gatepost' AND engine LIKE '%MergeTree'`,
  )
  t.ok(tables.length > 20)
  let parts = 0
  for (const { name: table } of tables) {
    const columns = await rows<{ name: string; is_subcolumn: number }>(
      `DESCRIBE TABLE gatepost.\`${table}\` SETTINGS describe_include_subcolumns = 1`,
    )
    for (const { name } of columns.filter(({ is_subcolumn }) => is_subcolumn === 1)) {
      const [column] = name.split('.')
      const reader = { name: 'x', passwordSha256: '', shown: null, hidden: [`${table}.${column}`], limits: {} }
      const role = engineRoles([reader]).find((made) => made.name === 'sql_reader_x')
      t.ok(role?.grants.at(-1)?.includes(`\`${name}\``), `${table}.${name}`)
      parts++
    }
  }
  t.ok(parts > 100, String(parts))
})
