import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { METRICS } from '../../reporter/metrics/definitions.ts'
import { Instance, type InstanceCommand } from '../helpers/instance.ts'
import { singleBroker } from '../helpers/kafka.ts'
import { requestEveryRoute, ROUND } from '../helpers/routes.ts'
import { run } from '../helpers/run.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { until } from '../helpers/until.ts'

/* Three processes, as on separate machines: ingest, aggregator and reporter, with Kafka and a store server between them. */

const broker = await singleBroker(t)
const server = await StoreServer.start(join(t.testdirName, 'server'))
t.teardown(() => server.stop())

const ENV = {
  GATEPOST_KAFKA_BROKERS: broker.brokers.join(','),
  GATEPOST_KAFKA_REPLICATION: '1',
  GATEPOST_KAFKA_PARTITIONS: '2',
  GATEPOST_CLICKHOUSE_URL: server.url(),
  GATEPOST_SECRET: 'a secret of the tests',
  GATEPOST_AUTH_MODE: 'open',
}

/** The first and the last of a day's metrics: metrics of thirty days cannot be computed any more when they are two days late. */
const OF_A_DAY = [METRICS[0], METRICS[METRICS.length - 1]].map(({ name }) => `'${name}'`).join(', ')
const DAY_MS = 86_400_000
const day = (offset: number) => new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10)

const count = async (table: string, where = '1') => {
  const rows = await server.query<{ n: number }>(`SELECT toUInt32(count()) AS n FROM gatepost.${table} WHERE ${where}`)
  return rows[0].n
}

t.test('ingest, aggregator and reporter', async (t) => {
  const instances: Instance[] = []
  const make = async (command: InstanceCommand) => {
    const instance = await Instance.create(join(t.testdirName, command), ENV, { command })
    instances.push(instance)
    t.teardown(() => instance.destroy())
    return instance
  }
  const gatepost = (...arguments_: string[]) =>
    run(process.execPath, [packageFile('bin/gatepost'), ...arguments_], { env: instances[0].env })
  const complete = async (rounds: number) => {
    for (const [table, perRound] of Object.entries(ROUND)) {
      const own = table === 'post_auth' ? "username != 'early'" : '1'
      await until(async () => (await count(table, own)) >= perRound * rounds)
      t.equal(await count(table, own), perRound * rounds, table)
    }
  }
  t.testdir()
  const ingest = await make('ingest')
  const aggregator = await make('aggregator')
  const reporter = await make('reporter')
  t.equal((await gatepost('topics', 'create')).status, 0)

  await Promise.all([ingest.start(), aggregator.start()])
  // A login before this installation started: the reporter has to catch up days.
  await server.command(
    `INSERT INTO gatepost.post_auth (received_at, username, success, site_ip) VALUES ('${day(-3)} 12:00:00.000', 'early', 1, '192.0.2.1')`,
  )
  await reporter.start()
  t.match(ingest.output, /Gatepost ingest .* is running/)
  t.match(aggregator.output, /Consumer group: gatepost-aggregator\nStore: ClickHouse server at http:\/\/admin:\*+@127/)
  for (const { output } of instances) t.notMatch(output, /admin-password|a secret of the tests/)

  t.same(await requestEveryRoute(ingest, 'first'), [])
  await complete(1)
  t.ok(await until(async () => (await count('sessions')) > 0), 'sessions are computed on the server')
  const onThatDay = `date = '${day(-2)}' AND period = 'day'`
  t.ok(
    await until(async () => (await count('metrics', `${onThatDay} AND metric_name IN (${OF_A_DAY})`)) === 2),
    'days that were missed',
  )
  const [{ fields }] = await server.query<{ fields: string }>(
    `SELECT fields FROM gatepost.metrics WHERE metric_name = 'account-usage' AND ${onThatDay}`,
  )
  t.same(JSON.parse(fields), { total: 1, transactions: 1, roaming: 0, one_time: 1 })
  const metric = await gatepost('metrics', 'account-usage', '--date', day(1), '--json')
  t.equal(metric.status, 0, metric.stderr)
  t.match(JSON.parse(metric.stdout), { total: 1, complete: false })

  const get = (instance: Instance, path: string) => fetch(instance.url(path, instance.metricsPort))
  const expected: [Instance, string, RegExp][] = [
    [ingest, 'ingest-0', /gatepost_requests_total\{route="post_auth",status="204",process="ingest-0"\} 1/],
    [aggregator, 'aggregator', /gatepost_aggregator_rows_total\{topic="post_auth",process="aggregator"\} 1/],
    [reporter, 'reporter', /gatepost_reporter_results_total\{process="reporter"\} [1-9]/],
  ]
  for (const [instance, name, line] of expected) {
    t.equal((await get(instance, '/healthz')).status, 200)
    const ready = await get(instance, '/readyz')
    t.equal(ready.status, 200)
    t.same(await ready.json(), { ready: true, draining: false, processes: { [name]: 'ready' } })
    t.match(await (await get(instance, '/metrics')).text(), line)
  }

  t.test('while the store is unavailable, ingest continues and the others report it', async (t) => {
    await server.stop()
    t.same(await requestEveryRoute(ingest, 'second'), [])
    t.ok(await until(async () => (await get(reporter, '/readyz')).status === 503), 'the reporter is not ready')
    t.equal((await get(ingest, '/readyz')).status, 200, 'ingest is')
    await server.restart()
    t.ok(await until(async () => (await get(reporter, '/readyz')).status === 200), 'the reporter is ready again')
    t.ok(await until(async () => (await get(aggregator, '/readyz')).status === 200), 'so is the aggregator')
    await complete(2)
  })

  t.test('each process ends with status 0, and starts again', async (t) => {
    for (const instance of instances) t.equal(await instance.stop(), 0, instance.command)
    t.notOk(existsSync(aggregator.dataDir), 'an aggregator keeps nothing on disk')
    t.notOk(existsSync(reporter.dataDir), 'nor does a reporter')
    await Promise.all(instances.map((instance) => instance.start()))
    t.same(await requestEveryRoute(ingest, 'third'), [])
    await complete(3)
    for (const instance of instances) t.equal(await instance.stop('SIGINT'), 0, instance.command)
  })
})
