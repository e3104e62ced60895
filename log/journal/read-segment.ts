import { readFile } from 'node:fs/promises'
import type { Stream } from '../../schemas/streams/index.ts'
import { batchOfBlock } from '../../schemas/block.ts'
import type { Batch } from '../../schemas/batch.ts'
import { obstacleTo } from '../../schemas/later-schema.ts'
import { segmentBlocks } from './segment-blocks.ts'

/** The batches of a segment, and what is wrong with it. */
export interface SegmentContents {
  readonly batches: Batch[]
  /** Why this version cannot store the batches whole, and which version can; the segment is then held. Null: it can. */
  readonly obstacle: string | null
  /** Null: the segment is intact. */
  readonly damage: {
    readonly wrongHeader: boolean
    readonly ranges: readonly { readonly start: number; readonly end: number }[]
    readonly endsAt: number
    readonly size: number
  } | null
}

/** Reads the intact batches of a sealed segment, whichever version wrote it. @throws the file system's error */
export async function readSegment(path: string, stream: Stream): Promise<SegmentContents> {
  const bytes = await readFile(path)
  const found = segmentBlocks(stream, bytes)
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
