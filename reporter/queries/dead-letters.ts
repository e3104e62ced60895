import { z } from 'zod'
import type { TableStore } from '../../store/table-store.ts'

export const deadLetter = z.object({
  /** 2024-02-29 12:00:00.000, UTC */
  received_at: z.string(),
  source: z.string(),
  reason: z.string(),
  error: z.string(),
  payload: z.string(),
  remote_ip: z.string(),
  sender: z.string(),
  batch_id: z.string(),
  batch_index: z.number(),
})

/** One row of table `dead_letters`; the comments of its columns explain them. */
export type DeadLetter = z.infer<typeof deadLetter>

/** The newest first. */
export async function listDeadLetters(store: TableStore, limit: number): Promise<DeadLetter[]> {
  const rows = await store.query(
    // A number, guaranteed by its type: LIMIT accepts no bound parameter of type String.
    `SELECT ${Object.keys(deadLetter.shape).join(', ')} FROM gatepost.dead_letters
     ORDER BY received_at DESC, batch_id, batch_index LIMIT ${Math.trunc(limit)}`,
  )
  return z.array(deadLetter).parse(rows)
}

/** Finds one by its key; null: there is none. */
export async function findDeadLetter(
  store: Pick<TableStore, 'query'>,
  batchId: string,
  batchIndex: number,
): Promise<DeadLetter | null> {
  const rows = await store.query(
    `SELECT ${Object.keys(deadLetter.shape).join(', ')} FROM gatepost.dead_letters
     WHERE batch_id = {id:UUID} AND batch_index = {index:Int32} LIMIT 1`,
    { id: batchId, index: batchIndex },
  )
  return z.array(deadLetter).parse(rows).at(0) ?? null
}
