import { ErasedSubjects } from '../../privacy/erased.ts'
import { emptyTotals, replayPart } from '../../aggregator/replay.ts'
import { GatepostError } from '../../common/errors.ts'
import { repairedBatch } from '../../ingest/repair.ts'
import { findDeadLetter } from '../../reporter/queries/dead-letters.ts'
import type { Store } from '../../store/contract.ts'
import type { Retention } from '../../store/retention.ts'

/** A dead letter by its key. */
export interface LetterName {
  readonly batchId: string
  readonly batchIndex: number
}

/** What a replay did: keys as the tables' columns. */
export interface LetterOutcome {
  readonly table: string
  readonly received_at: string
  /** 0: it was there already. */
  readonly rows: number
}

/**
 * Stores the record of a dead letter, once however often it is replayed. Null: there is no such letter.
 * @param payload what is stored instead of what was sent; null: that
 * @param keys gives the token keys under which people were erased, and is asked only if there are any
 * @throws GatepostError INPUT_INVALID: what is wrong with the payload; STORE_REFUSED; STORE_UNAVAILABLE
 */
export async function storeLetter(
  store: Store,
  { batchId, batchIndex }: LetterName,
  payload: string | null,
  { keys, retention }: { readonly keys: () => readonly string[]; readonly retention: Retention },
): Promise<LetterOutcome | null> {
  const letter = await findDeadLetter(store, batchId, batchIndex)
  if (letter === null) return null
  const batch = repairedBatch({
    receivedAt: Date.parse(`${letter.received_at.replace(' ', 'T')}Z`),
    source: letter.source,
    reason: letter.reason,
    payload: payload ?? letter.payload,
    batchId,
    batchIndex,
  })
  const { topic } = batch
  const erased = await ErasedSubjects.load(store, keys)
  const totals = emptyTotals()
  // Claimed: two at once would both see nothing there.
  await replayPart(
    { store, topic, partition: 'dead-letters', retention, erased },
    { batches: [batch], letters: [] },
    totals,
  )
  const refused = totals.expired > 0 ? 'it is older than its table keeps rows' : 'the person in it was erased'
  if (totals.expired + totals.erased > 0) throw new GatepostError('INPUT_INVALID', `not stored: ${refused}`)
  if (totals.deadLetters > 0) throw new GatepostError('STORE_REFUSED', `${topic} refused the record as it is`)
  return { table: topic, received_at: letter.received_at, rows: totals.rows }
}
