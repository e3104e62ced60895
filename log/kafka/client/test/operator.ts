import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs'
import { createKafka } from '../connection.ts'
import type { KafkaOptions } from '../port.ts'

/* Actions of operators on topics and groups, for tests of their effects. */

async function withRawAdmin<T>(kafka: KafkaOptions, work: (admin: Admin) => Promise<T>, retries = 8): Promise<T> {
  const admin = createKafka(kafka, { retry: { retries, initialRetryTime: 50 } }).admin()
  try {
    await admin.connect()
    return await work(admin)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

/** Ids of the brokers that are in the cluster now. Asks once. */
export function knownBrokers(kafka: KafkaOptions): Promise<number[]> {
  return withRawAdmin(
    kafka,
    async (admin) => {
      const { brokers } = await admin.describeCluster()
      return brokers.map(({ nodeId }) => nodeId)
    },
    0,
  )
}

/** The settings with which a test creates a topic. */
export interface TestTopic {
  readonly name: string
  readonly partitions?: number
  readonly settings?: Readonly<Record<string, string>>
  /** Replicas of its only partition, the leader first. */
  readonly replicas?: number[]
}

/**
 * Creates topics and waits until they can be used. kafkajs's own wait gives up if a broker does not know a topic yet.
 * @returns whether they were created; false: one of them exists, or is being deleted
 */
export function makeTopics(kafka: KafkaOptions, topics: readonly TestTopic[]): Promise<boolean> {
  return withRawAdmin(kafka, async (admin) => {
    const made = await admin.createTopics({ waitForLeaders: false, topics: topics.map(topicConfig) })
    if (!made) return false
    for (const { name } of topics) {
      for (let known = false; !known;) {
        known = await admin.fetchTopicMetadata({ topics: [name] }).then(
          () => true,
          () => false,
        )
      }
    }
    return true
  })
}

function topicConfig({ name, partitions, settings, replicas }: TestTopic): ITopicConfig {
  return {
    topic: name,
    ...(partitions === undefined ? {} : { numPartitions: partitions }),
    ...(replicas === undefined ? {} : { replicaAssignment: [{ partition: 0, replicas }] }),
    configEntries: Object.entries(settings ?? {}).map(([key, value]) => ({ name: key, value })),
  }
}

export async function deleteTopic(kafka: KafkaOptions, topic: string): Promise<void> {
  await withRawAdmin(kafka, (admin) => admin.deleteTopics({ topics: [topic] }))
}

/** Deletes a topic and, after `between`, creates it again with its old settings. */
export async function remakeTopic(
  kafka: KafkaOptions,
  topic: string,
  { partitions, replication }: { partitions: number; replication: number },
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await withRawAdmin(kafka, async (admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
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
          topics: [{ topic, numPartitions: partitions, replicationFactor: replication, configEntries }],
        })
        .catch(() => false)
      if (made) return
      await sleep(200)
    }
  })
}

/** Deletes all messages of a topic, as its retention does. */
export async function expireRecords(kafka: KafkaOptions, topic: string): Promise<void> {
  await withRawAdmin(kafka, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic)
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }))
    await admin.deleteTopicRecords({ topic, partitions })
  })
}

/** Moves the committed offsets of a group without running members, as kafka-consumer-groups --reset-offsets does. */
export async function setOffsets(
  kafka: KafkaOptions,
  groupId: string,
  topics: readonly string[],
  to: 'earliest' | 'latest' | number,
): Promise<void> {
  await withRawAdmin(kafka, async (admin) => {
    for (const topic of topics) {
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
        partition,
        offset: to === 'earliest' ? low : to === 'latest' ? high : String(to),
      }))
      // A killed member stays in the group until its session is over.
      while (!['Empty', 'Dead'].includes((await admin.describeGroups([groupId])).groups[0].state)) await sleep(200)
      await commitAsMember(kafka, groupId, topic, partitions)
    }
  })
}

/** The client's setOffsets() does the same, but waits five seconds for a fetch in between. */
async function commitAsMember(
  kafka: KafkaOptions,
  groupId: string,
  topic: string,
  partitions: readonly { partition: number; offset: string }[],
): Promise<void> {
  const consumer = createKafka(kafka, { retry: { retries: 8 } }).consumer({ groupId, maxWaitTimeInMs: 50 })
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [topic] })
    const settled = new Promise((resolve) => consumer.on(consumer.events.FETCH, resolve))
    const running = consumer.run({ eachBatchAutoResolve: false, eachBatch: () => Promise.resolve() })
    // Nothing is read: seek() is what commits.
    consumer.pause([{ topic }])
    for (const position of partitions) consumer.seek({ topic, ...position })
    await running
    await settled
  } finally {
    await consumer.disconnect()
  }
}

/** The number of members of a consumer group. */
export function memberCount(kafka: KafkaOptions, groupId: string): Promise<number> {
  return withRawAdmin(kafka, async (admin) => {
    const { groups } = await admin.describeGroups([groupId])
    return groups[0].members.length
  })
}

/** A description of a consumer group and the partitions of its members, for messages. */
export function membersOf(kafka: KafkaOptions, groupId: string): Promise<string> {
  return withRawAdmin(kafka, async (admin) => {
    const { groups } = await admin.describeGroups([groupId])
    const [{ state, members }] = groups
    const each = members.map(({ memberId, memberAssignment }) => {
      const assigned = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {}
      return `${memberId} ${JSON.stringify(assigned)}`
    })
    return `${state}: ${each.join('; ')}`
  })
}
