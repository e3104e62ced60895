import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { SimpleWriter } from '../../log/kafka/test/simple-writer.ts'
import type { Forgotten } from '../../privacy/forget-person.ts'
import { makeBatch } from '../../schemas/test/records.ts'
import { filesHolding } from '../helpers/files-holding.ts'
import { forgetOnDashboard } from '../helpers/dashboard-forget.ts'
import { Instance } from '../helpers/instance.ts'
import { sharedBroker } from '../helpers/shared-broker.ts'
import { run } from '../helpers/run.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { until } from '../helpers/until.ts'

/* Forgetting with Kafka and a store server, while an aggregator runs: the person's records in Kafka are not stored again. */

const broker = await sharedBroker(t)
const SECRET = 'a secret of the tests'
const MAC = '02-4B-9D-E1-77-3C'

t.test('a person is forgotten beside a running aggregator', async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const env = {
    GATEPOST_KAFKA_BROKERS: broker.brokers.join(','),
    GATEPOST_KAFKA_TOPIC_PREFIX: broker.prefix,
    GATEPOST_KAFKA_GROUP: `${broker.prefix}aggregator`,
    GATEPOST_KAFKA_REPLICATION: '1',
    GATEPOST_KAFKA_PARTITIONS: '2',
    GATEPOST_CLICKHOUSE_URL: server.url(),
  }
  const make = async (name: string, more: Record<string, string>) => {
    const directory = join(t.testdirName, name)
    const instance = await Instance.create(directory, { ...env, ...more }, { command: 'aggregator' })
    t.teardown(() => instance.destroy())
    return instance
  }
  const gatepost = (instance: Instance, ...arguments_: string[]) =>
    run(process.execPath, [packageFile('bin/gatepost'), ...arguments_], { env: instance.env })
  const aggregator = await make('first', { GATEPOST_SECRET: SECRET })
  const forget = async (...arguments_: string[]) => {
    const { status, stdout, stderr } = await gatepost(aggregator, 'forget', '--json', ...arguments_)
    t.equal(status, 0, stderr)
    return JSON.parse(stdout) as Forgotten
  }
  const names = async () => {
    const rows = await server.query<{ username: string }>('SELECT username FROM gatepost.post_auth ORDER BY username')
    return rows.map(({ username }) => username).join(' ')
  }

  t.equal((await gatepost(aggregator, 'topics', 'create')).status, 0)
  const keyless = await make('keyless', {})
  await keyless.start()
  t.match(keyless.output, /GATEPOST_SECRET is not set: this aggregator stops as soon as gatepost forget is used/)
  t.equal(await keyless.stop(), 0, 'until somebody is forgotten it works without a key')
  await aggregator.start()
  const writer = new SimpleWriter(broker.options(), broker.prefix)
  t.teardown(() => writer.close())

  const now = Date.now()
  const batchOf = (at: number, ...users: string[]) =>
    makeBatch('post_auth', at, users.map((username) => ({ username, mac: username === 'alice1' ? MAC : '02-00-00-00-00-01' }))) // prettier-ignore
  const first = batchOf(now - 2000, 'alice1', 'bobby1')
  const visits = makeBatch('gateway_auth', now - 2000, [{ mac: MAC }, { mac: '02-00-00-00-00-01' }])
  await writer.append(first, 0)
  await writer.append(visits, 0)
  t.equal((await gatepost(aggregator, 'access', 'deny', 'mac', MAC)).status, 0)
  const counted = () => server.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM gatepost.gateway_auth')
  t.ok(await until(async () => (await names()) === 'alice1 bobby1' && (await counted())[0].n === 2))

  t.match(await forget('--user', 'Alice1', '--dry-run'), { dry_run: true, tables: { post_auth: 1 } })
  t.equal(await names(), 'alice1 bobby1')
  const done = await forget('--user', 'Alice1')
  t.match(done, { dry_run: false, tables: { post_auth: 1 }, archive: { records: 0 } })
  t.match(done.remains.join('\n'), /Kafka's topics[^]*query_log/)
  t.match(await forget('--mac', MAC), { tables: { gateway_auth: 1 }, access_control: 1 })
  t.equal(await names(), 'bobby1')

  // The same again, as after a crash; a spill that is resent late; and later activity of the person.
  const late = batchOf(now - 3000, 'alice1', 'carol1')
  const visit = batchOf(Date.now() + 1000, 'alice1')
  await writer.append(first, 1)
  await writer.append(late, 1)
  await writer.append(visits, 1)
  await writer.append(batchOf(now - 1000, 'david1'), 1)
  t.ok(await until(async () => (await names()) === 'bobby1 carol1 david1'), 'others come')
  await writer.append(visit, 1)
  t.ok(await until(async () => (await names()) === 'alice1 bobby1 carol1 david1'), 'a new visit is kept')
  t.equal((await counted())[0].n, 1)
  t.equal((await gatepost(aggregator, 'replay', '--json')).status, 0)
  t.equal(await names(), 'alice1 bobby1 carol1 david1', 'nor by a replay')
  const isDeletion = (path: string) => /mutation_\d+\.txt$/.test(path)
  for (const text of ['alice1', '02-4B'])
    t.same(filesHolding(join(t.testdirName, 'server'), text, isDeletion), [], 'nor are the deletions kept')
  t.equal(await aggregator.stop(), 0)

  t.test('a reporter forgets on its dashboard', async (t) => {
    const options = { command: 'reporter' } as const
    const reporter = await Instance.create(
      join(t.testdirName, 'reporter'),
      { ...env, GATEPOST_SECRET: SECRET },
      options,
    )
    t.teardown(() => reporter.destroy())
    await reporter.start()
    const post = (body: object) => forgetOnDashboard(reporter, body)
    t.match(await post({ user: 'David1' }), { dry_run: true, tables: { post_auth: 1 } })
    t.equal(await names(), 'alice1 bobby1 carol1 david1')
    t.match(await post({ user: 'David1', dry_run: false }), { dry_run: false, tables: { post_auth: 1 } })
    t.equal(await names(), 'alice1 bobby1 carol1')
    t.equal(await reporter.stop(), 0)
  })

  t.test('people are recognised while the key is changed', async (t) => {
    const rotated = await make('rotated', { GATEPOST_SECRET: 'another secret of the tests', GATEPOST_SECRET_SECOND: SECRET }) // prettier-ignore
    await rotated.start()
    await writer.append(batchOf(now - 4000, 'alice1', 'erika1'), 0)
    t.ok(await until(async () => (await names()).includes('erika1')))
    t.equal(await names(), 'alice1 bobby1 carol1 erika1')
    t.equal(await rotated.stop(), 0)
  })

  t.test('without a key an aggregator does not start once somebody was forgotten', async (t) => {
    const { status, output } = await keyless.refused()
    t.equal(status, 2)
    t.match(output, /erased subjects exist.*GATEPOST_SECRET is not set here/)
  })
})
