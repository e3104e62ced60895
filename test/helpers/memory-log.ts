import type { LogWriter } from '../../log/contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { decodeRecords, type Decoded } from './decode.ts'

/** A log writer that keeps its batches, for tests of the code before the log. */
export class MemoryLog implements LogWriter {
  readonly batches: (Pick<Batch, 'stream' | 'schema' | 'batchId' | 'recordCount'> & { records: Buffer })[] = []
  /** Thrown by the next appends, if set. */
  failure: Error | null = null

  nextPartition(): number {
    return 0
  }

  async append(batch: Batch): Promise<void> {
    await Promise.resolve()
    if (this.failure) throw this.failure
    const { stream, schema, recordCount } = batch
    const [batchId, records] = [Buffer.from(batch.batchId), Buffer.from(batch.records)]
    this.batches.push({ stream, schema, recordCount, batchId, records })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Every record of a stream, with its encoded bytes. */
  decoded(stream: Stream): { record: Decoded; bytes: Buffer }[] {
    return this.batches
      .filter((batch) => batch.stream === stream)
      .flatMap((batch) => decodeRecords(stream, batch.records, batch.recordCount))
  }
}
