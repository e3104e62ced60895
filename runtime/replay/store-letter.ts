import { ErasedSubjects } from '../../privacy/erased.ts'
import { emptyTotals, replayPart } from '../../aggregator/replay.ts'
import { GatepostError } from '../../common/errors.ts'
import { repairedBatch } from '../../ingest/repair.ts'
import { findDeadLetter } from '../../reporter/queries/dead-letters.ts'
import type { Store } from '../../store/contract.ts'
import { userNameRule } from '../../store/user-names.ts'
import type { Retention } from '../../store/retention.ts'

/** A dead letter by its key. */
export interface LetterName {
  readonly batchId: string
  readonly batchIndex: number
}

/** The result of a replay; keys are the tables' columns. */
export interface LetterOutcome {
  readonly table: string
  readonly received_at: string
  /** 0: the record was stored already. */
  readonly rows: number
}

/**
 * Stores the record of a dead letter, once however often it is replayed. Null: there is no such dead letter.
 * @param payload replaces the original payload; null: keep the original
 * @param keys returns the token keys with which erased subjects are hashed; called only if there are erased subjects
 * @throws GatepostError INPUT_INVALID: the payload is not valid; STORE_REFUSED; STORE_UNAVAILABLE
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
    remoteIp: letter.remote_ip,
    sender: letter.sender,
    userNames: await userNameRule(store),
  })
  const { stream } = batch
  const erased = await ErasedSubjects.load(store, keys)
  const totals = emptyTotals()
  // Under the fence: two concurrent replays would both find nothing and both insert.
  await replayPart(
    { store, stream, partition: 'dead-letters', retention, erased },
    { batches: [batch], letters: [] },
    totals,
  )
  const refused = totals.expired > 0 ? 'it is older than its table keeps rows' : 'the person in it was erased'
  if (totals.expired + totals.erased > 0) throw new GatepostError('INPUT_INVALID', `not stored: ${refused}`)
  if (totals.deadLetters > 0) throw new GatepostError('STORE_REFUSED', `${stream} refused the record as it is`)
  return { table: stream, received_at: letter.received_at, rows: totals.rows }
}
