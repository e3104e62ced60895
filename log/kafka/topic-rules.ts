import { accessControlTopic, recordTopics } from './topic-names.ts'

/** Settings of the topics chosen by the operator. */
export interface TopicRules {
  readonly topicPrefix: string
  /** Partitions of a new topic. */
  readonly partitions: number
  /** Replicas of every topic; 1: there is a single broker. */
  readonly replication: number
  /** Retention of records, ms. */
  readonly retentionMs: number
}

/** The required state of one topic, and the settings to create it with. */
export interface WantedTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  /** Settings used by `create`; the rules below check them. */
  readonly settings: Readonly<Record<string, string>>
}

/** A batch of ingest may have 1 MiB; the container's header, message headers and framing come on top. */
export const MESSAGE_MIN_BYTES = 1.5 * 2 ** 20
/** The largest batch of the record log, with some room. */
const MESSAGE_MAX_BYTES = 4 * 2 ** 20 + 64 * 2 ** 10

/** Replicas that must have a record before it is acknowledged. */
export function minInSync(replication: number): number {
  return replication >= 2 ? 2 : 1
}

export function wantedTopics(rules: TopicRules): WantedTopic[] {
  const common = {
    'min.insync.replicas': String(minInSync(rules.replication)),
    // A broker that missed records must not become leader: the missing records were acknowledged.
    'unclean.leader.election.enable': 'false',
  }
  const records = {
    ...common,
    'cleanup.policy': 'delete',
    'retention.ms': String(rules.retentionMs),
    'retention.bytes': '-1',
    'max.message.bytes': String(MESSAGE_MAX_BYTES),
    // With CreateTime, brokers refuse messages whose timestamp is an hour ahead, so a producer with a wrong clock would be shut out.
    'message.timestamp.type': 'LogAppendTime',
  }
  const { partitions, replication } = rules
  return [
    ...recordTopics(rules.topicPrefix).map((name) => ({ name, partitions, replication, settings: records })),
    // One partition, so that decisions have a total order. It is read whole at every start, so it is compacted early.
    {
      name: accessControlTopic(rules.topicPrefix),
      partitions: 1,
      replication,
      settings: { ...common, 'cleanup.policy': 'compact', 'segment.ms': '3600000', 'min.cleanable.dirty.ratio': '0.1' },
    },
  ]
}

/** What a setting must be instead, as text; null: the value is fine. A setting without a rule may have any value. */
export function settingProblem(name: string, value: string, wanted: string): string | null {
  switch (name) {
    case 'min.insync.replicas':
      return Number(value) >= Number(wanted) ? null : `at least ${wanted}`
    case 'unclean.leader.election.enable':
    case 'cleanup.policy':
    case 'message.timestamp.type':
      return value === wanted ? null : wanted
    case 'retention.ms':
      return value === '-1' || Number(value) >= Number(wanted)
        ? null
        : `at least ${wanted}, which is GATEPOST_KAFKA_RETENTION`
    case 'retention.bytes':
      return value === '-1' ? null : '-1: a limit in bytes deletes records before they are read'
    case 'max.message.bytes':
      return Number(value) >= MESSAGE_MIN_BYTES ? null : `at least ${MESSAGE_MIN_BYTES}`
    default:
      return null
  }
}
