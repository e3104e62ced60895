import kafkajs, { type Admin, type ConfigEntries } from 'kafkajs'
import type { TopicState } from './port.ts'

/** Config source in the protocol: set on the topic itself. The type says otherwise, but this is what brokers send. */
const TOPIC_CONFIG = 1

/** Topics that do not exist are missing from the result. */
export async function readTopics(admin: Admin, names: readonly string[]): Promise<Map<string, TopicState>> {
  const existing = new Set(await admin.listTopics())
  const present = names.filter((name) => existing.has(name))
  const states = new Map<string, TopicState>()
  if (present.length === 0) return states
  const settings = await settingsOf(admin, present)
  for (const name of present) {
    // One request per topic: kafkajs fails the whole request when one topic has a partition without a leader.
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
    const partitions = topics.find((topic) => topic.name === name)?.partitions ?? []
    states.set(name, {
      name,
      partitions: partitions.length,
      replication: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      settings: new Map((settings.get(name) ?? []).map(({ configName, configValue }) => [configName, configValue])),
    })
  }
  return states
}

/** kafkajs only knows the request that replaces all settings of a topic, so the existing settings are sent along. */
export async function changeSettings(
  admin: Admin,
  topic: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const present = (await settingsOf(admin, [topic])).get(topic) ?? []
  const own = present
    .filter(({ configSource }) => (configSource as unknown as number) === TOPIC_CONFIG)
    .map(({ configName, configValue }) => [configName, configValue] as const)
  const entries = new Map([...own, ...Object.entries(settings)])
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: topic,
        configEntries: [...entries].map(([name, value]) => ({ name, value })),
      },
    ],
  })
}

/** A setting of the brokers, as the first one returns it; null: not returned. */
export async function brokerSetting(admin: Admin, name: string): Promise<string | null> {
  const { brokers } = await admin.describeCluster()
  const broker = String(brokers[0].nodeId)
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.BROKER, name: broker, configNames: [name] }],
  })
  return resources[0]?.configEntries[0]?.configValue ?? null
}

async function settingsOf(admin: Admin, names: readonly string[]): Promise<Map<string, ConfigEntries[]>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  })
  return new Map(resources.map(({ resourceName, configEntries }) => [resourceName, configEntries]))
}
