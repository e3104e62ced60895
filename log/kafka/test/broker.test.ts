import { join } from 'node:path'
import t from 'tap'
import { KafkaCluster } from '../../../test/helpers/kafka.ts'
import { createKafka } from '../client.ts'

t.test('three brokers: the controller is known, one that was killed comes back under its address', async (t) => {
  const cluster = await KafkaCluster.start(join(t.testdir(), 'kafka'), { brokers: 3 })
  t.teardown(() => cluster.destroy())
  const controller = await cluster.controllerId()
  t.ok(controller >= 0 && controller <= 2)
  await cluster.kill(controller)
  t.not(await cluster.controllerId(), controller)
  await cluster.restart(controller)
  const admin = createKafka(cluster.options()).admin()
  await admin.connect()
  const { brokers } = await admin.describeCluster()
  t.same(brokers.map(({ nodeId }) => nodeId).sort(), [0, 1, 2])
  await admin.disconnect()
})

t.test('logging in with TLS, in each of the ways', async (t) => {
  const user = { username: 'gatepost', password: 'a-test-password' }
  const cluster = await KafkaCluster.start(join(t.testdir(), 'kafka'), { brokers: 1, sasl: user, tls: true })
  t.teardown(() => cluster.destroy())
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    const admin = createKafka(cluster.options('test', { sasl: { mechanism, ...user } })).admin()
    await admin.connect()
    t.same(await admin.listTopics(), [], mechanism)
    await admin.disconnect()
  }
})
