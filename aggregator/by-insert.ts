import { GatepostError } from '../common/errors.ts'
import { bySchema } from '../schemas/by-schema.ts'
import type { Batch } from '../schemas/batch.ts'

/** Batches of one UTC month and one schema, which one insert can store. */
export interface Inserts {
  readonly inserts: readonly (readonly Batch[])[]
  /** Batches that occur twice in the gather. */
  readonly duplicates: number
  /** Batches whose rows have all expired before `notBefore`. */
  readonly expired: number
}

/**
 * Groups a gather into inserts, each identity once, without batches that the table would expire at once.
 * @throws GatepostError LOG_CORRUPT: two different batches have the same identity
 */
export function byInsert(batches: readonly Batch[], notBefore: number): Inserts {
  const seen = new Map<string, Batch>()
  const months = new Map<number, Batch[]>()
  let duplicates = 0
  let expired = 0
  for (const batch of batches) {
    const id = batch.batchId.toString('latin1')
    const first = seen.get(id)
    if (first) {
      assertSame(first, batch)
      duplicates++
      continue
    }
    seen.set(id, batch)
    if (batch.minReceivedAt < notBefore) {
      expired++
      continue
    }
    const month = monthOf(batch.minReceivedAt)
    const same = months.get(month)
    if (same) same.push(batch)
    else months.set(month, [batch])
  }
  return { inserts: [...months.values()].flatMap(bySchema), duplicates, expired }
}

function monthOf(time: number): number {
  const date = new Date(time)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

/** A producer uses an identity once. If the contents differ, there is no way to tell which one is right. */
function assertSame(first: Batch, second: Batch): void {
  if (first.recordCount === second.recordCount && Buffer.compare(first.records, second.records) === 0) return
  const id = first.batchId.toString('hex')
  throw new GatepostError('LOG_CORRUPT', `two different batches of ${first.stream} have the identity ${id}`)
}
