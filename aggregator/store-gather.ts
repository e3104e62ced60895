import { GatepostError } from '../common/errors.ts'
import type { Batch } from '../schemas/batch.ts'
import type { Stream } from '../schemas/streams/index.ts'
import type { Ownership, InsertOutcome, Store } from '../store/contract.ts'
import { wholeSince, type Retention } from '../store/retention.ts'
import { deadLetters } from './dead-letters.ts'
import { byInsert } from './by-insert.ts'
import { salvage, type Salvaged } from './salvage.ts'
import { countDead, countInsert, type StreamStats } from './stats.ts'

/**
 * Stores every record of a gather once, in its table or, if the engine refuses it, as a dead letter, whatever happened before. When this
 * returns, the position after the gather can be committed.
 * @throws GatepostError as Store.insertOnce(), but never STORE_REFUSED; repeating the call is always safe
 */
export async function storeGather(
  store: Store,
  stream: Stream,
  batches: readonly Batch[],
  ownerships: readonly Ownership[],
  retention: Retention,
  stats: StreamStats,
): Promise<void> {
  // A batch must be in its table whole or not at all.
  const { inserts, duplicates, expired } = byInsert(batches, wholeSince(retention[stream]))
  stats.duplicates += duplicates
  stats.expired += expired
  for (const insert of inserts) {
    const start = performance.now()
    const { rows, alreadyPresent } = await storeInsert({ store, ownerships }, stream, insert, stats)
    countInsert(stats, (performance.now() - start) / 1000)
    stats.rows += rows
    stats.duplicates += alreadyPresent
  }
}

/** A store with the ownerships that the aggregator writes under. */
interface Target {
  readonly store: Store
  readonly ownerships: readonly Ownership[]
}

async function storeInsert(
  target: Target,
  stream: Stream,
  batches: readonly Batch[],
  stats: StreamStats,
): Promise<InsertOutcome> {
  try {
    return await target.store.insertOnce(stream, batches, target.ownerships)
  } catch (error) {
    if (!(error instanceof GatepostError && error.code === 'STORE_REFUSED')) throw error
  }
  const salvaged = await salvage(target.store, batches)
  const outcome = await storeSalvaged(target, stream, salvaged)
  for (const { reason } of salvaged.bad.flatMap(({ records }) => records)) {
    countDead(stats, reason, 1)
  }
  return outcome
}

/** Dead letters first: they distinguish a batch of which only the good records are stored from a damaged one. */
async function storeSalvaged(target: Target, stream: Stream, { good, bad }: Salvaged): Promise<InsertOutcome> {
  const letters = bad.map(({ batch, records }) => deadLetters(batch, records))
  if (stream === 'dead_letters') return insertAccepted(target, stream, merged(good, letters))
  await insertAccepted(target, 'dead_letters', letters)
  return insertAccepted(target, stream, good)
}

/** The store has checked these rows: if it refuses them now, something else is wrong. */
async function insertAccepted(target: Target, stream: Stream, batches: readonly Batch[]): Promise<InsertOutcome> {
  try {
    return await target.store.insertOnce(stream, batches, target.ownerships)
  } catch (error) {
    if (!(error instanceof GatepostError && error.code === 'STORE_REFUSED')) throw error
    throw new GatepostError('STORE_UNAVAILABLE', `${stream}: the store refused rows that had passed the check`, error)
  }
}

/** A refused dead letter is replaced by the dead letter about it, in the same batch. */
function merged(good: readonly Batch[], letters: readonly Batch[]): Batch[] {
  const batches = new Map(good.map((batch) => [batch.batchId.toString('hex'), batch]))
  for (const letter of letters) {
    const id = letter.batchId.toString('hex')
    const rest = batches.get(id)
    const records = Buffer.concat([rest?.records ?? Buffer.alloc(0), letter.records])
    batches.set(id, { ...letter, recordCount: (rest?.recordCount ?? 0) + letter.recordCount, records })
  }
  return [...batches.values()]
}
