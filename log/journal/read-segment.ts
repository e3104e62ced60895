import { readFile } from 'node:fs/promises'
import type { Topic } from '../../schemas/streams/index.ts'
import { batchOfBlock } from '../../schemas/block.ts'
import type { Batch } from '../../schemas/batch.ts'
import { obstacleTo } from '../../schemas/later-schema.ts'
import { segmentBlocks } from './segment-blocks.ts'

/** A segment's batches, and what is wrong with it. */
export interface SegmentContents {
  readonly batches: Batch[]
  /** Why this version cannot store them whole, and which one can: the segment must stay where it is. Null: it can. */
  readonly obstacle: string | null
  /** Null: every byte is what was written. */
  readonly damage: {
    readonly wrongHeader: boolean
    readonly ranges: readonly { readonly start: number; readonly end: number }[]
    readonly endsAt: number
    readonly size: number
  } | null
}

/** Reads a sealed segment, whatever version wrote it: what is intact of it. @throws the disk's error */
export async function readSegment(path: string, topic: Topic): Promise<SegmentContents> {
  const bytes = await readFile(path)
  const found = segmentBlocks(topic, bytes)
  if ('unreadable' in found) return { batches: [], obstacle: obstacleTo(found), damage: null }
  const { schema, scan, hasHeader } = found
  const batches = scan.blocks.map((block) => batchOfBlock(schema, bytes, block)).filter((batch) => batch !== null)
  const intact =
    hasHeader && scan.corrupt.length === 0 && scan.end === bytes.length && batches.length === scan.blocks.length
  return {
    batches,
    obstacle: obstacleTo(found),
    damage: intact ? null : { wrongHeader: !hasHeader, ranges: scan.corrupt, endsAt: scan.end, size: bytes.length },
  }
}
