import type { Batch } from '../../schemas/batch.ts'
import { makeBatch, type MadeBatch } from '../../schemas/test/records.ts'
import { MemoryLog } from './memory-log.ts'

const BATCHES = 240
const RECORDS = 20
/** Every n-th batch is truncated. */
const CUT_EVERY = 16

export interface FixedLog {
  readonly log: MemoryLog
  /** Each batch, and the number of its records that can be stored. */
  readonly batches: readonly { readonly batch: Batch; readonly rows: number }[]
}

/** The same batches in every process, a second apart: heartbeats and counters of a few gateways, some damaged. */
export function fixedLog(start: number): FixedLog {
  const batches = Array.from({ length: BATCHES }, (_, index) => {
    const batchId = Buffer.alloc(16)
    batchId.writeUInt32BE(index + 1, 12)
    const at = start + index * 1000
    const whole = index % 3 === 2 ? counters(at, batchId) : heartbeats(at, batchId, index)
    if (index % CUT_EVERY > 0) return { batch: whole, rows: RECORDS }
    // Ends within its last record.
    return { batch: { ...whole, records: whole.records.subarray(0, -1) }, rows: RECORDS - 1 }
  })
  const log = new MemoryLog()
  log.append(...batches.map(({ batch }) => batch))
  return { log, batches }
}

function heartbeats(at: number, batchId: Buffer, index: number): MadeBatch {
  const records = Array.from({ length: RECORDS }, (_, gateway) => ({
    gw_id: `gw-${gateway}`,
    // Sometimes lower than before.
    wifidog_uptime: BigInt((index % (40 + gateway)) + 1),
  }))
  return makeBatch('gateway_pings', at, records, batchId)
}

function counters(at: number, batchId: Buffer): MadeBatch {
  const records = Array.from({ length: RECORDS }, (_, client) => ({ session_id: `s-${client}` }))
  return makeBatch('gateway_auth', at, records, batchId)
}
