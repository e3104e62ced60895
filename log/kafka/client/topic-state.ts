import kafkajs, { type Admin } from 'kafkajs'

/** What one topic is. */
export interface TopicState {
  readonly name: string
  readonly partitions: number
  /** Copies of the partition that has fewest. */
  readonly replication: number
  /** Every setting with its effective value. */
  readonly settings: ReadonlyMap<string, string>
  /** Settings that were made for this topic alone: altering settings replaces all of them. */
  readonly own: ReadonlyMap<string, string>
}

/** Config source of the protocol: set on the topic itself. */
const TOPIC_CONFIG = 1

/** Those of the topics that exist. */
export async function readTopics(admin: Admin, names: readonly string[]): Promise<Map<string, TopicState>> {
  const existing = new Set(await admin.listTopics())
  const present = names.filter((name) => existing.has(name))
  const states = new Map<string, TopicState>()
  if (present.length === 0) return states
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: present.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  })
  for (const name of present) {
    // One by one: kafkajs fails for all topics of a request when one of them has a partition without a leader.
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
    const partitions = topics.find((topic) => topic.name === name)?.partitions ?? []
    const entries = resources.find((resource) => resource.resourceName === name)?.configEntries ?? []
    states.set(name, {
      name,
      partitions: partitions.length,
      replication: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      settings: new Map(entries.map(({ configName, configValue }) => [configName, configValue])),
      own: new Map(
        entries
          .filter(({ configSource }) => (configSource as unknown as number) === TOPIC_CONFIG)
          .map(({ configName, configValue }) => [configName, configValue]),
      ),
    })
  }
  return states
}

/** How long the brokers keep the committed positions of a group that is away, ms. */
export async function offsetsRetentionMs(admin: Admin): Promise<number | null> {
  const { brokers } = await admin.describeCluster()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.BROKER,
        name: String(brokers[0].nodeId),
        configNames: ['offsets.retention.minutes'],
      },
    ],
  })
  const minutes = Number(resources[0]?.configEntries[0]?.configValue)
  return Number.isFinite(minutes) ? minutes * 60_000 : null
}
