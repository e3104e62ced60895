/** Why a batch went to the spill. */
export type SpillReason = 'timeout' | 'failed' | 'circuit' | 'busy'

/** Counts of a writer; batches, if not stated otherwise. */
export interface WriterStats {
  /** Passed to append(). */
  appended: number
  /** Acknowledged by Kafka at the first attempt. */
  acked: number
  /** Durable in the spill, by reason: no answer in time, refused or connection lost, failing partition, too many in flight. */
  readonly spilled: Record<SpillReason, number>
  /** Neither in Kafka nor in the spill, as far as known: append() rejected. */
  refused: number
  /** Resent from the spill and acknowledged. */
  resent: number
  /** Acknowledged after they had been written to the spill. */
  late: number
  /** Segments adopted from workers that ended. */
  adoptedSegments: number
  lastError: string | null
  /** When a batch last failed or was late, ms since the epoch; 0: never. */
  lastErrorAt: number
}

export function newWriterStats(): WriterStats {
  return {
    appended: 0,
    acked: 0,
    spilled: { timeout: 0, failed: 0, circuit: 0, busy: 0 },
    refused: 0,
    resent: 0,
    late: 0,
    adoptedSegments: 0,
    lastError: null,
    lastErrorAt: 0,
  }
}
