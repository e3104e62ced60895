import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { createKafka, type KafkaOptions } from '../connection.ts'

/* What operators do to topics and groups, for tests of what then happens. */

async function withAdmin<T>(
  kafka: KafkaOptions,
  work: (admin: ReturnType<ReturnType<typeof createKafka>['admin']>) => Promise<T>,
): Promise<T> {
  const admin = createKafka(kafka, { retry: { retries: 8 } }).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Deletes a topic and, after `between`, makes it again with its old settings. */
export async function remakeTopic(
  kafka: KafkaOptions,
  topic: string,
  partitions: number,
  between: () => Promise<void>,
): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: topic }],
    })
    const configEntries = resources[0].configEntries
      // 1: the topic's own; typed otherwise, but this is what brokers send.
      .filter((entry) => Number(entry.configSource) === 1)
      .map(({ configName, configValue }) => ({ name: configName, value: configValue }))
    await admin.deleteTopics({ topics: [topic] })
    await between()
    for (;;) {
      const made = await admin
        .createTopics({
          waitForLeaders: false,
          topics: [{ topic, numPartitions: partitions, replicationFactor: 3, configEntries }],
        })
        .catch(() => false)
      if (made) return
      await sleep(200)
    }
  })
}

/** Deletes everything that is in a topic now, as its retention does. */
export async function expireRecords(kafka: KafkaOptions, topic: string): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic)
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }))
    await admin.deleteTopicRecords({ topic, partitions })
  })
}

/** Moves a group's committed offsets, of which no member may be running, as kafka-consumer-groups --reset-offsets does. */
export async function setOffsets(
  kafka: KafkaOptions,
  groupId: string,
  topics: readonly string[],
  to: 'earliest' | 'latest',
): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    for (const topic of topics) {
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
        partition,
        offset: to === 'earliest' ? low : high,
      }))
      for (;;) {
        const set = await admin.setOffsets({ groupId, topic, partitions }).then(
          () => true,
          () => false,
        )
        if (set) break
        // A member that was killed stays until its session is over.
        await sleep(1000)
      }
    }
  })
}

/** What a consumer group is and who reads what in it, for people. */
export function membersOf(kafka: KafkaOptions, groupId: string): Promise<string> {
  return withAdmin(kafka, async (admin) => {
    const { groups } = await admin.describeGroups([groupId])
    const [{ state, members }] = groups
    const each = members.map(({ memberId, memberAssignment }) => {
      const assigned = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {}
      return `${memberId} ${JSON.stringify(assigned)}`
    })
    return `${state}: ${each.join('; ')}`
  })
}
