import { join } from 'node:path'
import t from 'tap'
import { remakeTopic } from '../../log/kafka/client/test/operator.ts'
import { TopicProducer } from '../../log/kafka/client/topic-producer.ts'
import { watchAlerts } from '../helpers/alerts.ts'
import { Instance } from '../helpers/instance.ts'
import { singleBroker } from '../helpers/kafka.ts'
import { gatepost, kafkaVariables } from '../helpers/mixes.ts'
import { post } from '../helpers/post-auth.ts'
import { withoutPrometheus } from '../helpers/prometheus.ts'
import { until } from '../helpers/until.ts'
import { metric } from '../hostile/metric.ts'

/* Alerts about the record log on Kafka, each raised on a real Prometheus by the fault that it is for. */

const missing = await withoutPrometheus()
const options = missing === null ? {} : { skip: missing }
const TOPIC = 'gatepost.post-auth'

t.test('brokers that are away, and a topic that was made anew', options, async (t) => {
  const kafka = await singleBroker(t)
  const instance = await Instance.create(join(t.testdirName, 'data'), {
    ...kafkaVariables(kafka.brokers),
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_WORKERS: '1',
    GATEPOST_JOURNAL_MAX_BYTES: '64KiB',
  })
  t.teardown(() => instance.destroy())
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  await instance.start()
  const raises = await watchAlerts(t, instance)
  for (let count = 0; count < 20; count++) await post(instance, `${count}`)
  await instance.queryUntil('SELECT 1 FROM post_auth', (rows) => rows.length === 20)
  // The alarm is about a committed offset, and commits come after inserts.
  await until(async () => (await metric(instance, 'gatepost_aggregator_partition_lag_batches')) === 0)
  await remakeTopic(kafka.options(), TOPIC, { partitions: 2, replication: 1 })
  await post(instance, 'again')
  await raises('GatepostPositionAlarm')
  const producer = new TopicProducer(kafka.options(), TOPIC)
  await producer.open()
  await producer.send(0, [{ value: Buffer.from('no batch'), headers: {} }]).acknowledged
  await producer.close()
  await raises('GatepostAggregatorDeadLetters')
  await kafka.kill(0, 'SIGSTOP')
  const spilled = async (first: number) => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => post(instance, `spilled-${first + index}`)),
    )
    return answers.every(({ status }) => status === 204)
  }
  for (let first = 0; first < 4000 && (await spilled(first)); first += 200);
  await raises('GatepostSpill')
  await raises('GatepostSpillFillsUp')
  await instance.stop('SIGKILL')
  await kafka.kill(0)
  await instance.start()
  await raises('GatepostAccessUnknown')
  await fetch(instance.url('/auth/?stage=login&ip=10.0.0.1&mac=00:11:22:33:44:55&token=0123456789abcdef&gw_id=g'))
  await raises('GatepostDecisionsFail')
})
