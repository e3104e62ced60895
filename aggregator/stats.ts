import { TOPICS, type Topic } from '../schemas/streams/index.ts'

/** Upper bounds of the insert-time histogram, in seconds. */
export const INSERT_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30]

/** What the aggregator counts of one topic, in plain fields. */
export interface TopicStats {
  /** Rows written to the topic's table. */
  rows: number
  /** Gathers stored, one insert each unless months were mixed or rows refused. */
  inserts: number
  insertSecondsSum: number
  /** insertBuckets[i] inserts took at most INSERT_BUCKETS[i] seconds; the last: longer. */
  readonly insertBuckets: number[]
  /** Batches left out because they were stored already, or came twice in one gather. */
  duplicates: number
  /** Batches left out because their rows would have expired. */
  expired: number
  /** Failed attempts to store a gather, which were retried. */
  failures: number
  /** Gathers dropped because their part of the log had gone to another aggregator: that one stores them. */
  fenced: number
  /** Records that went to the dead letters, by reason. */
  readonly deadLetters: Map<string, number>
  /** Bytes that wait in the log. */
  lagBytes: number
  /** When the oldest waiting data became durable, ms since the epoch; null: nothing waits. */
  oldestWaitingAt: number | null
  /** Batches that wait in each partition that this process reads; of a log without partitions empty. */
  partitions: readonly { readonly partition: number; readonly batches: number }[]
}

export type AggregatorStats = ReadonlyMap<Topic, TopicStats>

export function emptyStats(): Map<Topic, TopicStats> {
  return new Map(TOPICS.map((topic) => [topic, emptyTopicStats()]))
}

function emptyTopicStats(): TopicStats {
  return {
    rows: 0,
    inserts: 0,
    insertSecondsSum: 0,
    insertBuckets: new Array<number>(INSERT_BUCKETS.length + 1).fill(0),
    duplicates: 0,
    expired: 0,
    failures: 0,
    fenced: 0,
    deadLetters: new Map(),
    lagBytes: 0,
    oldestWaitingAt: null,
    partitions: [],
  }
}

export function countInsert(stats: TopicStats, seconds: number): void {
  const bucket = INSERT_BUCKETS.findIndex((bound) => seconds <= bound)
  stats.insertBuckets[bucket < 0 ? INSERT_BUCKETS.length : bucket]++
  stats.insertSecondsSum += seconds
  stats.inserts++
}
