import { GatepostError } from '../common/errors.ts'
import type { Batch } from '../schemas/batch.ts'
import type { Store } from '../store/contract.ts'
import { type DeadRecord } from './dead-letters.ts'
import { recordSpans } from '../schemas/record-spans.ts'

/** The result of taking refused batches apart. */
export interface Salvaged {
  /** What the engine accepts: whole batches, and the rest of the others. */
  readonly good: readonly Batch[]
  readonly bad: readonly { readonly batch: Batch; readonly records: readonly DeadRecord[] }[]
}

/**
 * Finds the records that the engine refuses, by bisection against a Null table.
 * @throws GatepostError STORE_UNAVAILABLE: it accepts all of them, so the rows were not the reason
 */
export async function salvage(store: Store, batches: readonly Batch[]): Promise<Salvaged> {
  const refused = await findRefused(batches, (some) => store.check(some[0].stream, some))
  if (refused.length === 0) {
    throw new GatepostError(
      'STORE_UNAVAILABLE',
      `${batches[0].stream}: the store refused an insert, but accepts each of its rows`,
    )
  }
  const good = batches.filter((batch) => !refused.some(({ item }) => item === batch))
  const bad: { batch: Batch; records: DeadRecord[] }[] = []
  for (const { item: batch, error } of refused) {
    const { rest, records } = await dissect(store, batch, error)
    if (rest !== null) good.push(rest)
    bad.push({ batch, records })
  }
  return { good, bad }
}

/** Splits a refused batch into one with its good records (same identity; null: none) and the bad records. */
async function dissect(
  store: Store,
  batch: Batch,
  batchError: string,
): Promise<{ rest: Batch | null; records: DeadRecord[] }> {
  const { stream, schema, records } = batch
  const { offsets, error } = recordSpans(schema, records, batch.recordCount)
  const found = offsets.length - 1
  const slice = (from: number, to: number): Batch => ({
    ...batch,
    recordCount: to - from,
    records: records.subarray(offsets[from], offsets[to]),
  })
  const indexes = Array.from({ length: found }, (_, index) => index)
  const refused = await findRefused(indexes, (some) => store.check(stream, [slice(some[0], some[some.length - 1] + 1)]))
  const dead = refused.map(({ item, error }): DeadRecord => {
    const { records: bytes } = slice(item, item + 1)
    return { index: item, reason: 'refused_by_store', error, bytes }
  })
  if (error !== null) {
    dead.push({ index: found, reason: 'undecodable', error, bytes: records.subarray(offsets[found]) })
  }
  if (dead.length === 0) {
    throw new GatepostError(
      'STORE_UNAVAILABLE',
      `${stream}: the store refused a batch, but accepts each of its records: ${batchError}`,
    )
  }
  const bad = new Set(refused.map(({ item }) => item))
  const kept = indexes.filter((index) => !bad.has(index)).map((index) => slice(index, index + 1).records)
  return {
    rest: kept.length === 0 ? null : { ...batch, recordCount: kept.length, records: Buffer.concat(kept) },
    records: dead,
  }
}

interface Refused<T> {
  readonly item: T
  readonly error: string
}

/** Finds the items that `check` refuses; a few bad ones among n cost about log2(n) checks each. */
async function findRefused<T>(
  items: readonly T[],
  check: (items: readonly T[]) => Promise<string | null>,
): Promise<Refused<T>[]> {
  if (items.length === 0) return []
  const error = await check(items)
  if (error === null) return []
  if (items.length === 1) return [{ item: items[0], error }]
  const middle = items.length >> 1
  return [...(await findRefused(items.slice(0, middle), check)), ...(await findRefused(items.slice(middle), check))]
}
