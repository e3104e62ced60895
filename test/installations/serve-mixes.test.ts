import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { STREAMS } from '../../schemas/streams/index.ts'
import { Instance } from '../helpers/instance.ts'
import { compare, Load } from '../helpers/load.ts'
import { complete, created, gatepost, kafkaVariables } from '../helpers/mixes.ts'
import { requestEveryRoute } from '../helpers/routes.ts'
import { sharedBroker } from '../helpers/shared-broker.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { until, untilEnough } from '../helpers/until.ts'

/* `gatepost serve` with either kind of record log and either kind of store. */

const broker = await sharedBroker(t)
const KAFKA = kafkaVariables(broker.brokers)
/** Topics and a group that other tests do not use. */
const own = (name: string) => ({
  GATEPOST_KAFKA_TOPIC_PREFIX: `${broker.prefix}${name}.`,
  GATEPOST_KAFKA_GROUP: `${broker.prefix}${name}`,
})

t.test('Kafka and the embedded store', async (t) => {
  const instance = await created(t, { ...KAFKA, GATEPOST_WORKERS: '2', ...own('embedded') })
  const refused = await instance.refused()
  t.equal(refused.status, 1, 'topics are not made by themselves')
  t.match(refused.output, /\.embedded\.post-auth: the topic does not exist[^]*to repair: gatepost topics create/)
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)

  await instance.start()
  t.match(instance.output, /Record log: Kafka at 127\.0\.0\.1:\d+, topics \S+embedded\.\*/)
  t.match(instance.output, /Store: embedded/)
  t.same(await requestEveryRoute(instance, 'first'), [])
  await complete(t, instance.queryUntil.bind(instance), 1)

  const get = (path: string) => fetch(instance.url(path, instance.metricsPort))
  t.match(await (await get('/readyz')).json(), { ready: true, processes: { 'ingest-0': 'ready', store: 'ready' } })
  const metrics = await (await get('/metrics')).text()
  for (const line of [
    /gatepost_kafka_batches_total\{outcome="acked",process="ingest-[01]"\} [1-9]/,
    /gatepost_access_known\{process="ingest-0"\} 1/,
    `gatepost_kafka_partitions{process="store"} ${2 * STREAMS.length}\n`,
    /gatepost_aggregator_rows_total\{topic="post_auth",process="store"\} 1/,
    /gatepost_sql_queries_total/,
  ])
    t.match(metrics, line)

  t.same(await requestEveryRoute(instance, 'second'), [])
  t.equal(await instance.stop(), 0)
  t.notOk(existsSync(join(instance.dataDir, 'journal')), 'no journal is made')
  t.same(
    readdirSync(join(instance.dataDir, 'spill'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.includes('.avro'),
    ),
    [],
    'nothing is left in the spill',
  )
  await instance.start()
  await complete(t, instance.queryUntil.bind(instance), 2)
  t.equal(await instance.stop(), 0)
})

t.test('records that other processes write to Kafka do not delay a stop', async (t) => {
  const env = { ...KAFKA, ...own('others'), GATEPOST_DRAIN_TIMEOUT: '60s' }
  const instance = await created(t, env)
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  const other = await Instance.create(
    join(t.testdirName, 'other'),
    { ...env, GATEPOST_AUTH_MODE: 'open' },
    { command: 'ingest' },
  )
  t.teardown(() => other.destroy())
  await Promise.all([instance.start(), other.start()])
  const load = new Load([other], { maxRequests: 1_000_000, pauseMs: 5 })
  load.start(2)
  t.teardown(() => load.stop())
  t.ok(await until(() => load.total > 500))
  t.equal(await instance.stop(), 0, 'it is as clean as without them')
  await load.stop()
  t.equal(await other.stop(), 0)

  await instance.start()
  let ledger = await compare((sql) => instance.query(sql), load)
  await until(async () => (ledger = await compare((sql) => instance.query(sql), load)).lost === 0)
  const { lost, duplicates, acknowledged } = ledger
  t.same({ lost, duplicates }, { lost: 0, duplicates: 0 }, `${acknowledged} acknowledged`)
  t.equal(await instance.stop(), 0)
})

t.test('journal and a store server', async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const env = { GATEPOST_CLICKHOUSE_URL: server.url(), GATEPOST_AUTH_MODE: 'open' }
  const instance = await Instance.create(join(t.testdirName, 'data'), env)
  t.teardown(() => instance.destroy())
  const query = <T>(sql: string, enough: (rows: T[]) => boolean): Promise<T[]> =>
    untilEnough(() => server.query<T>(sql).catch(() => []), enough)
  await instance.start()
  t.match(instance.output, /Record log: journal[^]*Store: ClickHouse server at http:\/\/admin:\*+@127\.0\.0\.1/)
  t.notMatch(instance.output, /admin-password/)
  t.same(await requestEveryRoute(instance, 'first'), [])
  await complete(t, query, 1)
  const id = readFileSync(join(instance.dataDir, 'journal', 'id'), 'utf8').trim()
  const owners = await server.query<{ partition: string }>('SELECT DISTINCT partition FROM gatepost.partition_owners')
  t.same(
    owners.map(({ partition }) => partition),
    [`journal-${id}`],
  )
  t.notOk(existsSync(join(instance.dataDir, 'store')), 'no embedded store is made')

  await server.stop()
  t.same(await requestEveryRoute(instance, 'meanwhile'), [], 'everything is answered and kept')
  await server.restart()
  await complete(t, query, 2)
  t.same(await requestEveryRoute(instance, 'last'), [])
  t.equal(await instance.stop(), 0)
  await complete(t, query, 3)
  await instance.start()
  t.equal(readFileSync(join(instance.dataDir, 'journal', 'id'), 'utf8').trim(), id, 'the journal keeps its name')
  t.equal(await instance.stop(), 0)
})

t.test('Kafka and a store server', async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const env = { ...KAFKA, ...own('both'), GATEPOST_CLICKHOUSE_URL: server.url() }
  const instance = await Instance.create(join(t.testdirName, 'data'), { ...env, GATEPOST_AUTH_MODE: 'open' })
  t.teardown(() => instance.destroy())
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  await instance.start()
  t.same(await requestEveryRoute(instance, 'only'), [])
  // Here too, a stop stores all acknowledged records in the tables.
  t.equal(await instance.stop(), 0)
  await complete(t, (sql) => server.query(sql), 1)
})
