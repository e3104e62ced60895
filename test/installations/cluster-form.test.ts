import { join } from 'node:path'
import t from 'tap'
import { ClusterNode } from '../helpers/cluster-node.ts'
import { Instance } from '../helpers/instance.ts'
import { gatepost } from '../helpers/mixes.ts'
import { requestEveryRoute, ROUND } from '../helpers/routes.ts'
import { until } from '../helpers/until.ts'
import { openServerStore } from '../../store/server/open.ts'
import { createLogger } from '../../common/logger.ts'

/* `gatepost serve` with GATEPOST_CLICKHOUSE_CLUSTER, on a node that stands for a cluster: what is written, derived, imported, reported, forgotten. */

const logger = createLogger('test')
logger.level = 'silent'

const node = await ClusterNode.start(join(t.testdir({ data: {}, node: {} }), 'node'))
t.teardown(() => node.stop())
const instance = await Instance.create(join(t.testdirName, 'data'), {
  GATEPOST_AUTH_MODE: 'open',
  GATEPOST_CLICKHOUSE_URL: node.url,
  GATEPOST_CLICKHOUSE_CLUSTER: 'gatepost',
})
t.teardown(() => instance.destroy())
const store = await openServerStore({ url: node.url, logger, cluster: 'gatepost' })
t.teardown(() => store.close())

const count = async (table: string): Promise<number> =>
  (await store.query<{ n: number }>(`SELECT toUInt32(count()) AS n FROM gatepost.${table}`))[0].n
const command = async (...words: string[]) => {
  const { status, stdout, stderr } = await gatepost(instance, ...words)
  t.equal(status, 0, `gatepost ${words.join(' ')}: ${stderr}`)
  return stdout
}

t.test('records of every route are stored, and the jobs compute sessions', async (t) => {
  await instance.start()
  t.same(await requestEveryRoute(instance, 'first'), [])
  for (const [table, rows] of Object.entries(ROUND)) {
    t.ok(await until(async () => (await count(table)) >= rows), table)
    t.equal(await count(table), rows, table)
  }
  t.ok(await until(async () => (await count('sessions')) > 0), 'sessions are computed')
})

t.test('accounts and locations are imported, and imported again', async (t) => {
  const directory = t.testdir({
    'accounts.csv': 'username,created_at\nfirst,2026-01-02 03:04:05\nsecond,2026-01-02 03:04:05\n',
    'sites.csv': 'ip,location_id,name\n127.0.0.1,7,Library\n',
  })
  for (const times of ['once', 'again']) {
    await command('accounts', 'import', join(directory, 'accounts.csv'))
    t.equal(await count('accounts FINAL'), 2, times)
    t.match(await command('accounts', 'list'), /first[^]*second/)
    await command('locations', 'import', join(directory, 'sites.csv'))
    t.equal(await count('ip_locations'), 1)
  }
})

t.test('commands read all shards, and a metric is computed', async (t) => {
  t.match(await command('logins', '--user', 'first'), /first/)
  for (const words of ['sessions', 'gateways', 'dead-letters list', 'publish daily --to stdout --dry-run'])
    t.not(await command(...words.split(' ')), '', words)
  for (const period of ['day', 'week', 'month']) await command('metrics', 'account-usage', '--period', period)
})

t.test('a person is forgotten on every node', async (t) => {
  const { tables } = JSON.parse(await command('forget', '--user', 'first', '--json')) as {
    tables: Record<string, number>
  }
  t.match(tables, { post_auth: 1 })
  t.ok(tables['accounts'] > 0)
  const [{ n }] = await store.query<{ n: number }>(
    `SELECT toUInt32(count()) AS n FROM gatepost.post_auth WHERE lower(username) = 'first'`,
  )
  t.equal(n, 0)
  t.equal(await count('accounts FINAL'), 1)
})

t.test('it stops with everything stored, and nothing went wrong', async (t) => {
  t.equal(await instance.stop(), 0)
  const wrong = instance.output.split('\n').filter((line) => /"level":(50|60)/.test(line))
  t.same(wrong, [])
})
