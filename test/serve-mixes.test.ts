import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageFile } from '../common/package-root.ts'
import { Instance } from './helpers/instance.ts'
import { singleBroker } from './helpers/kafka.ts'
import { compare, Load } from './helpers/load.ts'
import { requestEveryRoute, ROUND } from './helpers/routes.ts'
import { run } from './helpers/run.ts'
import { StoreServer } from './helpers/store-server.ts'

/* `gatepost serve` with either kind of record log and either kind of store. */

const broker = await singleBroker(t)
const KAFKA = {
  GATEPOST_KAFKA_BROKERS: broker.brokers.join(','),
  GATEPOST_KAFKA_REPLICATION: '1',
  GATEPOST_KAFKA_PARTITIONS: '2',
  GATEPOST_SECRET: 'a secret of the tests',
}

async function created(t: Test, env: Record<string, string>): Promise<Instance> {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), { GATEPOST_AUTH_MODE: 'open', ...env })
  t.teardown(() => instance.destroy())
  return instance
}

const gatepost = (instance: Instance, ...arguments_: string[]) =>
  run(process.execPath, [packageFile('bin/gatepost'), ...arguments_], { env: instance.env })

type Query = <T>(sql: string, enough: (rows: T[]) => boolean) => Promise<T[]>

/** Every table holds what this many rounds left. */
async function complete(t: Test, query: Query, rounds: number): Promise<void> {
  for (const [table, perRound] of Object.entries(ROUND)) {
    const rows = await query<{ n: number }>(
      `SELECT toUInt32(count()) AS n FROM gatepost.${table}`,
      ([{ n }]) => n >= perRound * rounds,
    )
    t.equal(rows[0].n, perRound * rounds, table)
  }
}

t.test('Kafka and the embedded store', { timeout: 180_000 }, async (t) => {
  const instance = await created(t, { ...KAFKA, GATEPOST_WORKERS: '2', GATEPOST_KAFKA_TOPIC_PREFIX: 'embedded.' })
  const refused = await instance.refused()
  t.equal(refused.status, 1, 'topics are not made by themselves')
  t.match(refused.output, /embedded\.post-auth: the topic does not exist[^]*to repair: gatepost topics create/)
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)

  await instance.start()
  t.match(instance.output, /Record log: Kafka at 127\.0\.0\.1:\d+, topics embedded\.\*/)
  t.match(instance.output, /Store: embedded/)
  t.same(await requestEveryRoute(instance, 'first'), [])
  await complete(t, instance.queryUntil.bind(instance), 1)

  const get = (path: string) => fetch(instance.url(path, instance.metricsPort))
  t.match(await (await get('/readyz')).json(), { ready: true, processes: { 'ingest-0': 'ready', store: 'ready' } })
  const metrics = await (await get('/metrics')).text()
  for (const line of [
    /gatepost_kafka_batches_total\{outcome="acked",process="ingest-[01]"\} [1-9]/,
    /gatepost_access_known\{process="ingest-0"\} 1/,
    /gatepost_kafka_partitions\{process="store"\} 10/,
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

t.test('Kafka and the embedded store, while Kafka is away', { timeout: 240_000 }, async (t) => {
  const instance = await created(t, { ...KAFKA, GATEPOST_KAFKA_TOPIC_PREFIX: 'away.' })
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  await instance.start()
  t.same(await requestEveryRoute(instance, 'before'), [])
  await complete(t, instance.queryUntil.bind(instance), 1)

  await broker.kill(0)
  t.same(await requestEveryRoute(instance, 'meanwhile'), [], 'everything is answered and kept')
  const [store] = instance.children('store-main')
  process.kill(store, 'SIGKILL')
  const answer = () => instance.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM post_auth').catch(() => [])
  await until(() => instance.children('store-main').some((pid) => pid !== store))
  t.ok(await until(async () => (await answer()).length === 1), 'the tables are there without Kafka')

  await broker.restart(0)
  await complete(t, instance.queryUntil.bind(instance), 2)
  t.equal(await instance.stop(), 0)

  t.test('a stop that leaves records in the spill says so, and the next start stores them', async (t) => {
    await instance.start({ GATEPOST_DRAIN_TIMEOUT: '5s' })
    await broker.kill(0)
    t.same(await requestEveryRoute(instance, 'left'), [])
    t.equal(await instance.stop(), 1)
    t.match(instance.tail(), /bytes of acknowledged records stay in the spill/)

    await instance.start()
    const ping = await fetch(instance.url('/ping/?gw_id=x&sys_uptime=1&sys_memfree=2&sys_load=0.03&wifidog_uptime=4'))
    t.equal(ping.headers.get('x-gatepost-record'), 'kept', 'it starts without Kafka too, having known it before')
    t.equal((await instance.query('SELECT 1 AS one')).length, 1)
    await broker.restart(0)
    await instance.queryUntil(`SELECT 1 FROM gateway_pings WHERE gw_id = 'x'`, (rows) => rows.length > 0)
    await complete(
      t,
      (sql, enough) => instance.queryUntil(`${sql} ${sql.includes('pings') ? "WHERE gw_id != 'x'" : ''}`, enough),
      3,
    )
    t.equal(await instance.stop(), 0)
  })
})

t.test('what others write to Kafka meanwhile does not hold up a stop', { timeout: 180_000 }, async (t) => {
  const env = { ...KAFKA, GATEPOST_KAFKA_TOPIC_PREFIX: 'others.', GATEPOST_DRAIN_TIMEOUT: '8s' }
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

t.test('journal and a store server', { timeout: 180_000 }, async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const env = { GATEPOST_CLICKHOUSE_URL: server.url(), GATEPOST_AUTH_MODE: 'open' }
  const instance = await Instance.create(join(t.testdirName, 'data'), env)
  t.teardown(() => instance.destroy())
  const query = async <T>(sql: string, enough: (rows: T[]) => boolean): Promise<T[]> => {
    let rows: T[] = []
    await until(async () => enough((rows = await server.query<T>(sql).catch(() => []))))
    return rows
  }
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

t.test('Kafka and a store server', { timeout: 180_000 }, async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const env = { ...KAFKA, GATEPOST_KAFKA_TOPIC_PREFIX: 'both.', GATEPOST_CLICKHOUSE_URL: server.url() }
  const instance = await Instance.create(join(t.testdirName, 'data'), { ...env, GATEPOST_AUTH_MODE: 'open' })
  t.teardown(() => instance.destroy())
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  await instance.start()
  t.same(await requestEveryRoute(instance, 'only'), [])
  // A stop brings what was acknowledged into the tables, here too.
  t.equal(await instance.stop(), 0)
  await complete(t, (sql) => server.query(sql), 1)
})

async function until(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await holds()) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}
