import { join } from 'node:path'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { gatepost, kafkaVariables } from '../helpers/mixes.ts'
import { replayed } from '../helpers/replayed.ts'
import { PER_ROUND, requestEveryRoute, ROUND } from '../helpers/routes.ts'
import { sharedBroker } from '../helpers/shared-broker.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { until } from '../helpers/until.ts'

/* `gatepost replay` of an archive into a store server, and of Kafka into the embedded store. */

const broker = await sharedBroker(t)

t.test('the archive of a journal, into a store server', async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const instance = await Instance.create(join(t.testdirName, 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_ARCHIVE_MAX_BYTES: '1 MiB',
    GATEPOST_CLICKHOUSE_URL: server.url(),
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  t.same(await requestEveryRoute(instance, 'first'), [])
  const counts = async () => {
    const of = (table: string) => server.query<{ n: number }>(`SELECT toUInt32(count()) AS n FROM gatepost.${table}`)
    const entries = Object.keys(ROUND).map(async (table) => [table, (await of(table))[0].n] as const)
    return Object.fromEntries(await Promise.all(entries))
  }
  const read = async () =>
    Object.values(await replayed(instance, '--archive')).reduce((sum, outcome) => sum + (outcome.read ?? 0), 0)
  t.ok(await until(async () => (await read()) === PER_ROUND), 'all segments are archived')
  t.same(await counts(), ROUND)
  for (const table of Object.keys(ROUND))
    await server.command(`ALTER TABLE gatepost.${table} DELETE WHERE 1 SETTINGS mutations_sync = 2`)
  await replayed(instance, '--archive')
  t.same(await counts(), ROUND)
  await replayed(instance, '--archive')
  t.same(await counts(), ROUND)
  t.equal(await instance.stop(), 0)
})

t.test('the embedded store, beside its instance', async (t) => {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), {
    ...kafkaVariables(broker.brokers),
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_KAFKA_TOPIC_PREFIX: broker.prefix,
    GATEPOST_KAFKA_GROUP: `${broker.prefix}group`,
    GATEPOST_SQL_ADMIN_PASSWORD: 'adm-of-tests',
  })
  t.teardown(() => instance.destroy())
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  await instance.start()
  t.same(await requestEveryRoute(instance, 'first'), [])
  const counts = async () => {
    const of = (table: string) => instance.query<{ n: number }>(`SELECT toUInt32(count()) AS n FROM ${table}`)
    const entries = Object.keys(ROUND).map(async (table) => [table, (await of(table))[0].n] as const)
    return Object.fromEntries(await Promise.all(entries))
  }
  const same = async (rounds: number) => {
    const found = await counts()
    return Object.entries(ROUND).every(([table, rows]) => found[table] === rows * rounds)
  }
  t.ok(await until(() => same(1)))
  const read = async () =>
    Object.values(await replayed(instance)).reduce((sum, outcome) => sum + (outcome.read ?? 0), 0)
  t.ok(await until(async () => (await read()) === PER_ROUND), 'everything is committed')
  t.ok(await same(1), 'and stays as it is')

  const url = instance.url('/?user=admin&password=adm-of-tests&mutations_sync=2', instance.sqlPort)
  for (const table of Object.keys(ROUND)) {
    const response = await fetch(url, { method: 'POST', body: `ALTER TABLE gatepost.${table} DELETE WHERE 1` })
    t.equal(response.status, 200)
  }
  const rows = Object.values(await replayed(instance)).reduce((sum, outcome) => sum + (outcome.rows ?? 0), 0)
  t.equal(rows, PER_ROUND)
  t.ok(await same(1))
  t.same(await requestEveryRoute(instance, 'second'), [])
  t.ok(await until(() => same(2)), 'later records are stored once')
  await replayed(instance)
  t.ok(await same(2))
  t.equal(await instance.stop(), 0)
})
