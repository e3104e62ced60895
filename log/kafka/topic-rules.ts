import { accessControlTopic, recordTopics } from './topic-names.ts'

/** What the operator says about the topics. */
export interface TopicRules {
  readonly topicPrefix: string
  /** Partitions of a topic that is made. */
  readonly partitions: number
  /** Copies of every topic; 1: there is a single broker. */
  readonly replication: number
  /** How long records are kept, ms. */
  readonly retentionMs: number
}

/** What one topic must be, and what it is made with. */
export interface WantedTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  /** Settings that `create` gives it; the check of each is a rule below. */
  readonly settings: Readonly<Record<string, string>>
}

/** A batch of ingest may be 1 MiB, its container's header, headers and frame come on top. */
export const MESSAGE_MIN_BYTES = 1.5 * 2 ** 20
/** The largest batch of the record log, with room. */
const MESSAGE_MAX_BYTES = 4 * 2 ** 20 + 64 * 2 ** 10

/** Copies that must have a record before it is acknowledged. */
export function minInSync(replication: number): number {
  return replication >= 2 ? 2 : 1
}

export function wantedTopics(rules: TopicRules): WantedTopic[] {
  const common = {
    'min.insync.replicas': String(minInSync(rules.replication)),
    // A broker that missed records must not become the leader: what it misses was acknowledged.
    'unclean.leader.election.enable': 'false',
  }
  const records = {
    ...common,
    'cleanup.policy': 'delete',
    'retention.ms': String(rules.retentionMs),
    'retention.bytes': '-1',
    'max.message.bytes': String(MESSAGE_MAX_BYTES),
    // Brokers refuse messages from clocks that are an hour ahead: such a producer would be shut out.
    'message.timestamp.type': 'LogAppendTime',
  }
  const { partitions, replication } = rules
  return [
    ...recordTopics(rules.topicPrefix).map((name) => ({ name, partitions, replication, settings: records })),
    // One partition: verdicts have one order. It is read whole at every start, so it is compacted soon.
    {
      name: accessControlTopic(rules.topicPrefix),
      partitions: 1,
      replication,
      settings: { ...common, 'cleanup.policy': 'compact', 'segment.ms': '3600000', 'min.cleanable.dirty.ratio': '0.1' },
    },
  ]
}

/** Whether a setting's value serves, or in words what is wanted. A setting without a rule may be anything. */
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
