import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { readSqlUsers } from '../runtime/config/sql-users.ts'
import { engineRoles, startSqlEndpoint } from '../sql-endpoint/index.ts'
import { openEmbeddedStore } from '../store/embedded/open.ts'

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
  const store = await openEmbeddedStore({ path, logger, roles: engineRoles(readers) })
  t.teardown(() => store.close())
  await store.migrate()
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
