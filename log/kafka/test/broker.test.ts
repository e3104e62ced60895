import { join } from 'node:path'
import t from 'tap'
import { KafkaCluster } from '../../../test/helpers/kafka.ts'
import { knownBrokers } from '../client/test/operator.ts'

t.test('three brokers: the controller is known, one that was killed comes back under its address', async (t) => {
  const cluster = await KafkaCluster.start(join(t.testdir(), 'kafka'), { brokers: 3 })
  t.teardown(() => cluster.destroy())
  const controller = await cluster.controllerId()
  t.ok(controller >= 0 && controller <= 2)
  await cluster.kill(controller)
  t.not(await cluster.controllerId(), controller)
  await cluster.restart(controller)
  t.same((await knownBrokers(cluster.options())).sort(), [0, 1, 2])
})
