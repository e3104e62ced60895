/*
 * Where to start reading a partition. A committed offset is trusted only together with its metadata, which names the batch before it:
 * offsets that were set by hand, or that belong to a topic which was deleted and created again, would silently skip records. If it is not
 * trusted, the partition is read again from its beginning; the look-up by identity prevents duplicates.
 */

const METADATA = /^gatepost ([0-9a-f]{32})$/

/** Metadata of a commit: the identity of the batch before the offset. */
export function commitMetadata(batchId: string): string {
  return `gatepost ${batchId}`
}

/** The state of a partition in the group and in the log. */
export interface PartitionFacts {
  /** Offset of the next message to read; null: nothing was committed. */
  readonly committed: number | null
  readonly metadata: string | null
  /** Offset of the first message that still exists. */
  readonly low: number
  /** Offset of the next message to be appended. */
  readonly high: number
}

export interface Start {
  readonly offset: number
  /** Identity of the batch that must be found at `offset` (it is stored already); otherwise everything is read again. Null: no check. */
  readonly expect: string | null
  /** What is wrong, for the log line and the alarm counter. */
  readonly alarm: string | null
}

export function startOf({ committed, metadata, low, high }: PartitionFacts): Start {
  const fromLow = (alarm: string | null): Start => ({ offset: low, expect: null, alarm })
  if (committed === null) return fromLow(null)
  const identity = METADATA.exec(metadata ?? '')?.[1]
  if (identity === undefined) return fromLow(`the committed offset ${committed} was not committed by an aggregator`)
  if (committed > high) return fromLow(`the committed offset ${committed} is beyond the end of the log, ${high}`)
  if (committed < low) {
    return fromLow(
      `Kafka deleted records before they were stored: the next offset to read is ${committed}, the log begins at ${low}`,
    )
  }
  // The batch before the committed offset has expired: there is nothing to compare with.
  if (committed === low) return { offset: committed, expect: null, alarm: null }
  return { offset: committed - 1, expect: identity, alarm: null }
}

/** A partition that is being read and for which the client delivered an unexpected offset. */
export interface ReadingFacts {
  /** Expected offset; null: unknown. */
  readonly expected: number | null
  readonly committed: number | null
  /** Identity of the batch before `committed`; null: nothing was stored yet. */
  readonly committedId: string | null
  readonly low: number
  readonly high: number
}

/** Where to resume: after the committed offset, if the log still contains it. */
export function resumeAt({ expected, committed, committedId, low, high }: ReadingFacts): Start {
  if (expected === null || expected < low || expected > high) {
    return {
      offset: low,
      expect: null,
      alarm: `offset ${expected} is outside the log, which holds ${low} to ${high}`,
    }
  }
  if (committed === null || committedId === null) {
    return { offset: Math.max(low, committed ?? low), expect: null, alarm: null }
  }
  return startOf({ committed, metadata: commitMetadata(committedId), low, high })
}
