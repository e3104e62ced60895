import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sharedBroker } from '../../../test/helpers/shared-broker.ts'
import { STREAMS } from '../../../schemas/streams/index.ts'
import { connectAdmin } from '../client/admin.ts'
import { unassignedPartitions } from '../coverage.ts'
import { KafkaReader } from '../reader.ts'
import { kafkaTopic } from '../topic-names.ts'
import { makeTopics } from './simple-writer.ts'

/*
 * Symptom: after all brokers had been restarted one after the other, two aggregators were members of a stable group and read nothing, for
 * ever. Root cause: the group's leader had assigned the partitions by metadata that lacked the topics.
 */
const broker = await sharedBroker(t)
const kafka = broker.options()
const { prefix } = broker
const group = `${prefix}covered`
const other = `${prefix}other.pings`

t.test('partitions that no member of the group reads are detected', async (t) => {
  await makeTopics(kafka, prefix, 3)
  await makeTopics(kafka, `${prefix}other.`, 2)
  const topics = STREAMS.map((stream) => kafkaTopic(prefix, stream))
  const admin = await connectAdmin(kafka)
  t.teardown(() => admin.close())
  const open = () => KafkaReader.open({ kafka, topicPrefix: prefix, group, logger: kafka.logger, checkEveryMs: 500 })
  const readers = [await open(), await open()]
  const shares = () => readers.map(({ stats }) => stats.partitions)
  while (Math.min(...shares()) === 0 || shares()[0] + shares()[1] !== 3 * STREAMS.length) await sleep(50)
  t.same(await unassignedPartitions(admin, group, topics), [], 'two members share all of them')
  t.same(await unassignedPartitions(admin, group, [...topics, other]), [`${other}-0`, `${other}-1`])
  const joins = readers.map(({ stats }) => stats.joins)
  // Six checks.
  await sleep(3000)
  t.same(
    readers.map(({ stats }) => stats.joins),
    joins,
    'a group that reads everything needs no repair',
  )
  await Promise.all(readers.map((reader) => reader.close()))
  t.equal(await unassignedPartitions(admin, group, topics), null, 'a group without members is not stable')
})
