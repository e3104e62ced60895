import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { within } from '../../../common/within.ts'
import { createKafka, endClient, startingAt } from './connection.ts'
import { asRequest, KafkaUnavailable, rootCause } from './errors.ts'
import type { Committed, Ends, KafkaAdmin, KafkaOptions, NewTopic, TopicState } from './port.ts'
import { brokerSetting, changeSettings, readTopics } from './topic-settings.ts'

/** Time limit for connecting to a broker that accepts the connection but does not answer. */
const CONNECT_WITHIN_MS = 5000
/** Administrative requests are idempotent, so kafkajs may retry them. */
const RETRY = { retries: 4, initialRetryTime: 150, maxRetryTime: 1500 }
const REQUEST_TIMEOUT_MS = 10_000
/** How often offsets are asked for while the client's metadata lack the topic. */
const OFFSETS_ATTEMPTS = 3

/**
 * A connected admin client, through the first broker that answers. kafkajs itself would wait for the first broker of the list for as long as
 * that one keeps the connection open.
 * @throws KafkaUnavailable
 */
export async function connectAdmin(options: KafkaOptions): Promise<KafkaAdmin> {
  let failure: unknown = new Error('no brokers are given')
  for (let first = 0; first < options.brokers.length; first++) {
    const client = { retry: RETRY, requestTimeout: REQUEST_TIMEOUT_MS }
    const kafka = createKafka(startingAt(options, first), client)
    const admin = kafka.admin({ retry: RETRY })
    try {
      await within(CONNECT_WITHIN_MS, probe(admin))
      return new ConnectedAdmin(kafka, admin)
    } catch (error) {
      failure = error
      void endClient(kafka, admin, CONNECT_WITHIN_MS)
      // The other brokers would answer the same.
      if (new KafkaUnavailable(error, options).problem !== 'away') break
    }
  }
  throw new KafkaUnavailable(failure, options)
}

/** A broker that requires a login closes the connection at the first request, not before. */
async function probe(admin: Admin): Promise<void> {
  await admin.connect()
  await admin.describeCluster()
}

/** Runs `use` with an admin client and closes it afterwards. @throws KafkaUnavailable, KafkaRequestError */
export async function withAdmin<T>(options: KafkaOptions, use: (admin: KafkaAdmin) => Promise<T>): Promise<T> {
  const admin = await connectAdmin(options)
  try {
    return await use(admin)
  } finally {
    await admin.close()
  }
}

class ConnectedAdmin implements KafkaAdmin {
  readonly #kafka: Kafka
  readonly #admin: Admin

  constructor(kafka: Kafka, admin: Admin) {
    this.#kafka = kafka
    this.#admin = admin
  }

  topicNames(): Promise<string[]> {
    return asRequest(() => this.#admin.listTopics())
  }

  topics(names: readonly string[]): Promise<Map<string, TopicState>> {
    return asRequest(() => readTopics(this.#admin, names))
  }

  async createTopic({ name, partitions, replication, settings }: NewTopic): Promise<void> {
    const topic = {
      topic: name,
      numPartitions: partitions,
      replicationFactor: replication,
      configEntries: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
    }
    // kafkajs's own waiting fails when a broker does not know the topic yet.
    await asRequest(() => this.#admin.createTopics({ waitForLeaders: false, topics: [topic] }))
  }

  changeSettings(topic: string, settings: Readonly<Record<string, string>>): Promise<void> {
    return asRequest(() => changeSettings(this.#admin, topic, settings))
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await asRequest(() => this.#admin.createPartitions({ topicPartitions: [{ topic, count }] }))
  }

  brokerSetting(name: string): Promise<string | null> {
    return asRequest(() => brokerSetting(this.#admin, name))
  }

  async partitions(topic: string): Promise<number[]> {
    const { topics } = await asRequest(() => this.#admin.fetchTopicMetadata({ topics: [topic] }))
    const found = topics.find(({ name }) => name === topic)
    return (found?.partitions ?? []).map(({ partitionId }) => partitionId)
  }

  async ends(topic: string): Promise<Map<number, Ends>> {
    const ends = await asRequest(() => askOffsets(topic, () => this.#admin.fetchTopicOffsets(topic)))
    return new Map(ends.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]))
  }

  async offsetsAt(topic: string, time: number): Promise<Map<number, number>> {
    const offsets = await asRequest(() =>
      askOffsets(topic, () => this.#admin.fetchTopicOffsetsByTimestamp(topic, time)),
    )
    return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]))
  }

  async committed(groupId: string, topic: string): Promise<Map<number, Committed>> {
    const [commits] = await asRequest(() => this.#admin.fetchOffsets({ groupId, topics: [topic] }))
    const partitions = (commits?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0)
    return new Map(
      partitions.map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), metadata }]),
    )
  }

  async assignments(groupId: string): Promise<Map<string, Set<number>> | null> {
    const { groups } = await asRequest(() => this.#admin.describeGroups([groupId]))
    const [group] = groups
    if (group?.state !== 'Stable') return null
    const read = new Map<string, Set<number>>()
    for (const { memberAssignment } of group.members) {
      const decoded = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)
      for (const [topic, partitions] of Object.entries(decoded?.assignment ?? {})) {
        read.set(topic, new Set([...(read.get(topic) ?? []), ...partitions]))
      }
    }
    return read
  }

  async deleteGroup(groupId: string): Promise<void> {
    await asRequest(() => this.#admin.deleteGroups([groupId]))
  }

  async close(): Promise<void> {
    await endClient(this.#kafka, this.#admin, CONNECT_WITHIN_MS)
  }
}

/**
 * Asks for a topic's offsets. kafkajs makes two requests for them, and looks the topic up in its metadata before each one. Another request
 * may replace the metadata in between by those of its own topics (fetchTopicMetadata of a topic that they lack), and then kafkajs takes
 * apart an answer that is empty: a TypeError (admin/index.js, fetchTopicOffsets), which it does not retry. The next attempt fetches the
 * metadata again.
 */
async function askOffsets<T>(topic: string, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (!(rootCause(error) instanceof TypeError)) throw error
      if (attempt < OFFSETS_ATTEMPTS) continue
      throw new Error(`the brokers' answer lacks topic ${topic}: it was deleted, or is just being created`, {
        cause: error,
      })
    }
  }
}
