import { readFile } from 'node:fs/promises'
import { recordSchema } from '../../schemas/avro.ts'
import type { Topic } from '../../schemas/topics.ts'
import { batchOfBlock } from '../../schemas/block.ts'
import type { Batch } from '../../schemas/batch.ts'
import { headerEnd, scanBlocks } from '../../schemas/scan.ts'

/** A segment's batches, and what is wrong with it. */
export interface SegmentContents {
  readonly batches: Batch[]
  /** Null: every byte is what was written. */
  readonly damage: {
    readonly wrongHeader: boolean
    readonly ranges: readonly { readonly start: number; readonly end: number }[]
    readonly endsAt: number
    readonly size: number
  } | null
}

/** Reads a sealed segment: what is intact of it. @throws the disk's error */
export async function readSegment(path: string, topic: Topic): Promise<SegmentContents> {
  const bytes = await readFile(path)
  const { fingerprint } = recordSchema(topic)
  const header = headerEnd(bytes, fingerprint)
  const { blocks, corrupt, end } = scanBlocks(bytes, header ?? 0, fingerprint)
  const batches = blocks.map((block) => batchOfBlock(topic, bytes, block)).filter((batch) => batch !== null)
  const intact = header !== null && corrupt.length === 0 && end === bytes.length && batches.length === blocks.length
  return {
    batches,
    damage: intact ? null : { wrongHeader: header === null, ranges: corrupt, endsAt: end, size: bytes.length },
  }
}
