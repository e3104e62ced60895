import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { singleBroker } from '../../../test/helpers/kafka.ts'
import { TOPICS } from '../../../schemas/topics.ts'
import { connectAdmin } from '../client/admin.ts'
import { unreadPartitions } from '../coverage.ts'
import { KafkaReader } from '../reader.ts'
import { kafkaTopic } from '../topic-names.ts'
import { makeTopics } from './simple-writer.ts'

/*
 * Symptom: after all brokers had been restarted one after the other, two aggregators were members of a settled group and read nothing, for
 * ever. Root cause: the group's leader had shared out the partitions by metadata that lacked the topics.
 */
const broker = await singleBroker(t)
const kafka = broker.options()

t.test('partitions that no member of the group reads are found', async (t) => {
  await makeTopics(kafka, 'c.', 3)
  await makeTopics(kafka, 'other.', 2)
  const topics = TOPICS.map((topic) => kafkaTopic('c.', topic))
  const admin = await connectAdmin(kafka)
  t.teardown(() => admin.close())
  const open = () => KafkaReader.open({ kafka, topicPrefix: 'c.', group: 'covered', logger: kafka.logger })
  const readers = [await open(), await open()]
  const shares = () => readers.map(({ stats }) => stats.partitions)
  while (Math.min(...shares()) === 0 || shares()[0] + shares()[1] !== 3 * TOPICS.length) await sleep(50)
  t.same(await unreadPartitions(admin, 'covered', topics), [], 'two members share all of them')
  t.same(await unreadPartitions(admin, 'covered', [...topics, 'other.pings']), ['other.pings-0', 'other.pings-1'])
  const joins = readers.map(({ stats }) => stats.joins)
  await sleep(25_000)
  t.same(
    readers.map(({ stats }) => stats.joins),
    joins,
    'a group that reads everything is left in peace',
  )
  await Promise.all(readers.map((reader) => reader.close()))
  t.equal(await unreadPartitions(admin, 'covered', topics), null, 'a group without members is not settled')
})
