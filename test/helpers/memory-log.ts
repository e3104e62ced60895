import type { Batch, LogWriter } from '../../log/contract.ts'
import { recordSchema } from '../../schemas/avro.ts'
import type { Topic } from '../../schemas/topics.ts'

/** A record as avsc decodes it; longs are BigInt. */
export type Decoded = Record<string, unknown>

/** A log writer that keeps what it is given, for tests of what stands before the log. */
export class MemoryLog implements LogWriter {
  readonly batches: { topic: Topic; batchId: Buffer; recordCount: number; records: Buffer }[] = []
  /** Thrown by the next appends, if set. */
  failure: Error | null = null

  async append(batch: Batch): Promise<void> {
    await Promise.resolve()
    if (this.failure) throw this.failure
    const { topic, recordCount } = batch
    this.batches.push({ topic, recordCount, batchId: Buffer.from(batch.batchId), records: Buffer.from(batch.records) })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Every record of a topic, with the bytes each was encoded as. */
  decoded(topic: Topic): { record: Decoded; bytes: Buffer }[] {
    const { type } = recordSchema(topic)
    const records: { record: Decoded; bytes: Buffer }[] = []
    for (const batch of this.batches) {
      if (batch.topic !== topic) continue
      let offset = 0
      for (let index = 0; index < batch.recordCount; index++) {
        const { value, offset: end } = type.decode(batch.records, offset)
        records.push({ record: value, bytes: batch.records.subarray(offset, end) })
        offset = end
      }
      if (offset !== batch.records.length)
        throw new Error(`${batch.records.length - offset} bytes behind the last record`)
    }
    return records
  }
}
