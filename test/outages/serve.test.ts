import t from 'tap'
import { singleBroker } from '../helpers/kafka.ts'
import { complete, created, gatepost, kafkaVariables } from '../helpers/mixes.ts'
import { requestEveryRoute } from '../helpers/routes.ts'
import { until } from '../helpers/until.ts'

/* `gatepost serve` with Kafka that becomes unavailable. */

const broker = await singleBroker(t)
const KAFKA = kafkaVariables(broker.brokers)

t.test('Kafka and the embedded store, while Kafka is away', async (t) => {
  const instance = await created(t, { ...KAFKA, GATEPOST_KAFKA_TOPIC_PREFIX: 'away.' })
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  await instance.start()
  t.same(await requestEveryRoute(instance, 'before'), [])
  await complete(t, instance.queryUntil.bind(instance), 1)

  await broker.kill(0)
  t.same(await requestEveryRoute(instance, 'meanwhile'), [], 'all requests are answered and kept')
  const [store] = instance.children('store-main')
  process.kill(store, 'SIGKILL')
  const answer = () => instance.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM post_auth').catch(() => [])
  t.ok(await until(() => instance.children('store-main').some((pid) => pid !== store)))
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
