/*
 * Where to begin reading a partition. A committed offset is believed only together with its metadata, which names the batch in
 * front of it: offsets that somebody set by hand, or that belong to a topic that has since been deleted and made anew, would skip
 * records in silence. What is not believed is read again from the log's beginning, and the look-up by identity keeps it right.
 */

const METADATA = /^gatepost ([0-9a-f]{32})$/

/** What goes into a commit beside the offset: the identity of the batch in front of it. */
export function commitMetadata(batchId: string): string {
  return `gatepost ${batchId}`
}

/** A partition as its group and its log say. */
export interface PartitionFacts {
  /** Offset of the next message to read; null: nothing was ever committed. */
  readonly committed: number | null
  readonly metadata: string | null
  /** Offset of the first message that is still there. */
  readonly low: number
  /** Offset that the next message will get. */
  readonly high: number
}

export interface Start {
  readonly offset: number
  /** The batch that must be found at `offset`, which was stored already; else everything is read again. Null: none. */
  readonly expect: string | null
  /** What is wrong, for the log and the alarm counter. */
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
  // The batch in front of it has expired: nothing to compare with.
  if (committed === low) return { offset: committed, expect: null, alarm: null }
  return { offset: committed - 1, expect: identity, alarm: null }
}

/** A partition that is being read, of which the client delivered something else than what comes next. */
export interface ReadingFacts {
  /** Offset that was to be read; null: not known. */
  readonly expected: number | null
  readonly committed: number | null
  /** Identity of the batch in front of `committed`; null: none was stored yet. */
  readonly committedId: string | null
  readonly low: number
  readonly high: number
}

/** Where to go on: behind what is committed, if the log still reaches there. */
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
