import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, retryableOf } from '../common/errors.ts'
import type { Batch } from '../schemas/batch.ts'
import type { Stream } from '../schemas/streams/index.ts'
import type { Store } from '../store/contract.ts'
import type { Retention } from '../store/retention.ts'
import type { ErasedSubjects } from '../privacy/erased.ts'
import { storeGather } from './store-gather.ts'
import { emptyStats, type StreamStats } from './stats.ts'

/** Batches of one stream from the log or the archive, in any order. */
export interface ReplayPart {
  readonly batches: readonly Batch[]
  /** Dead letters for messages that are not batches. */
  readonly letters: readonly Batch[]
}

export interface ReplayOptions {
  readonly store: Store
  readonly stream: Stream
  /** The part of the log that the batches come from, as named under the fence. */
  readonly partition: string
  readonly retention: Retention
  readonly erased: ErasedSubjects
}

/** Result of a replay; counts are batches, except rows. */
export interface ReplayTotals {
  read: number
  rows: number
  /** Already in the table. */
  present: number
  /** Older than the retention of their table. */
  expired: number
  /** Batches of which nothing is left without the records of erased subjects. */
  erased: number
  /** Batches partly in the table: left unchanged. */
  partial: number
  /** Records that became dead letters. */
  deadLetters: number
}

export function emptyTotals(): ReplayTotals {
  return { read: 0, rows: 0, present: 0, expired: 0, erased: 0, partial: 0, deadLetters: 0 }
}

/** A running aggregator takes ownership of its part back after a while; then this replay takes it again. */
const OWNERSHIP_ATTEMPTS = 20
const OWNERSHIP_PAUSE_MS = 500

/** Inserts the missing batches, and skips those that are stored. Adds to `totals`. */
export async function replayPart(options: ReplayOptions, part: ReplayPart, totals: ReplayTotals): Promise<void> {
  const { stream, erased } = options
  const without = (batches: readonly Batch[]) =>
    batches.map((batch) => erased.without(batch)).filter((batch) => batch !== null)
  const [batches, letters] = [without(part.batches), without(part.letters)]
  totals.read += part.batches.length + part.letters.length
  totals.erased += part.batches.length + part.letters.length - batches.length - letters.length
  await insertMissing(options, 'dead_letters', letters, totals)
  await insertMissing(options, stream, batches, totals)
}

/** A batch that is partly in the table fails the whole insert: bisect to find it. */
async function insertMissing(
  options: ReplayOptions,
  stream: Stream,
  batches: readonly Batch[],
  totals: ReplayTotals,
): Promise<void> {
  if (batches.length === 0) return
  try {
    await insertClaimed(options, stream, batches, totals)
  } catch (error) {
    if (!(error instanceof GatepostError && error.code === 'STORE_INCONSISTENT')) throw error
    if (batches.length === 1) {
      totals.partial++
      return
    }
    const half = batches.length >> 1
    await insertMissing(options, stream, batches.slice(0, half), totals)
    await insertMissing(options, stream, batches.slice(half), totals)
  }
}

async function insertClaimed(
  { store, stream: owned, partition, retention }: ReplayOptions,
  stream: Stream,
  batches: readonly Batch[],
  totals: ReplayTotals,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const counted = emptyStats().get(stream) as StreamStats
    try {
      const ownerships = [await store.takeOwnership(owned, partition, null)]
      await storeGather(store, stream, batches, ownerships, retention, counted)
      totals.rows += counted.rows
      totals.present += counted.duplicates
      totals.expired += counted.expired
      for (const letters of counted.deadLetters.values()) totals.deadLetters += letters
      return
    } catch (error) {
      const fenced = error instanceof GatepostError && error.code === 'STORE_FENCED'
      const again = fenced || retryableOf(error) === 'always'
      if (!again || attempt === OWNERSHIP_ATTEMPTS) throw error
      await sleep(OWNERSHIP_PAUSE_MS)
    }
  }
}
