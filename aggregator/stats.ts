import { DEAD_REASONS, type DeadReason } from './dead-letters.ts'
import { STREAMS, type Stream } from '../schemas/streams/index.ts'

/** Upper bounds of the insert-time histogram, in seconds. */
export const INSERT_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30]

/** Counts of one stream, in plain fields. */
export interface StreamStats {
  /** Rows written to the stream's table. */
  rows: number
  /** Stored gathers. A gather is one insert, unless it spans months or rows were refused. */
  inserts: number
  insertSecondsSum: number
  /** insertBuckets[i] inserts took at most INSERT_BUCKETS[i] seconds; the last element counts longer ones. */
  readonly insertBuckets: number[]
  /** Batches skipped because they were stored already, or occurred twice in one gather. */
  duplicates: number
  /** Batches skipped because their rows have expired. */
  expired: number
  /** Failed attempts to store a gather, which were retried. */
  failures: number
  /** Gathers dropped because another aggregator owns their part of the log now, and stores them. */
  fenced: number
  /** Records that became dead letters, by reason. */
  readonly deadLetters: Map<DeadReason, number>
  /** Bytes in the log that are not committed. */
  lagBytes: number
  /** When the oldest uncommitted data became durable, ms since the epoch; null: everything is committed. */
  oldestWaitingAt: number | null
  /** Uncommitted batches of each partition that this process reads; empty for a log without partitions. */
  partitions: readonly { readonly partition: number; readonly batches: number }[]
}

export type AggregatorStats = ReadonlyMap<Stream, StreamStats>

export function emptyStats(): Map<Stream, StreamStats> {
  return new Map(STREAMS.map((stream) => [stream, emptyStreamStats()]))
}

function emptyStreamStats(): StreamStats {
  return {
    rows: 0,
    inserts: 0,
    insertSecondsSum: 0,
    insertBuckets: new Array<number>(INSERT_BUCKETS.length + 1).fill(0),
    duplicates: 0,
    expired: 0,
    failures: 0,
    fenced: 0,
    deadLetters: new Map(DEAD_REASONS.map((reason) => [reason, 0])),
    lagBytes: 0,
    oldestWaitingAt: null,
    partitions: [],
  }
}

export function countDead(stats: StreamStats, reason: DeadReason, count: number): void {
  stats.deadLetters.set(reason, (stats.deadLetters.get(reason) as number) + count)
}

export function countInsert(stats: StreamStats, seconds: number): void {
  const bucket = INSERT_BUCKETS.findIndex((bound) => seconds <= bound)
  stats.insertBuckets[bucket < 0 ? INSERT_BUCKETS.length : bucket]++
  stats.insertSecondsSum += seconds
  stats.inserts++
}
