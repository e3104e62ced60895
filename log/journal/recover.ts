import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { recordSchema } from '../../schemas/avro.ts'
import { containerHeader } from '../../schemas/container.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Logger } from '../../common/logger.ts'
import { obstacleTo } from '../../schemas/later-schema.ts'
import { syncDirectory } from './disk.ts'
import { CORRUPT_DIRECTORY, OPEN_SUFFIX, parseSegmentName, sealedName } from './layout.ts'
import { segmentBlocks, type SegmentBlocks } from './segment-blocks.ts'

/** What recovery did with a slot's open segments. */
export interface Recovery {
  readonly sealed: number
  /** Segments without a complete block: nothing in them was acknowledged. */
  readonly removed: number
  /** Files that are neither a segment nor the beginning of one, moved to corrupt/. */
  readonly putAside: number
  /** Files in a format that only a later version knows, left unchanged. */
  readonly left: number
  /** Bytes after the last complete block, which were never acknowledged. */
  readonly truncatedBytes: number
}

/**
 * Seals the segments that a dead worker left open, truncated after the last complete block, whichever version wrote them. PRECONDITION: the
 * caller holds the slot's lock, so nobody writes them. Complete blocks that were not acknowledged are kept: storing more is harmless.
 */
export async function recoverSlot(directory: string, logger: Logger): Promise<Recovery> {
  const done = { sealed: 0, removed: 0, putAside: 0, left: 0, truncatedBytes: 0 }
  for (const name of readdirSync(directory)) {
    const segment = name.endsWith(OPEN_SUFFIX) ? parseSegmentName(name) : null
    if (segment === null) continue
    const path = join(directory, name)
    const bytes = readFileSync(path)
    const found = segmentBlocks(segment.stream, bytes)
    if ('unreadable' in found) {
      done.left++
      logger.error(
        { event: 'journal.segment_not_recovered', segment: path },
        `journal: cannot recover segment ${name}; it stays where it is: ${obstacleTo(found)}`,
      )
    } else if (found.scan.blocks.length > 0) {
      done.truncatedBytes += bytes.length - found.scan.end
      seal(path, bytes.length, found)
      done.sealed++
    } else if (found.hasHeader || isBeginning(segment.stream, bytes)) {
      unlinkSync(path)
      done.removed++
    } else {
      logger.error(
        { event: 'journal.segment_put_aside', segment: path },
        `journal: segment ${name} is corrupt; the file is moved to ${CORRUPT_DIRECTORY}/`,
      )
      putAside(directory, name)
      done.putAside++
    }
  }
  if (done.sealed + done.removed + done.putAside > 0) {
    await syncDirectory(directory)
    logger.info(
      { event: 'journal.recovered', directory, ...done },
      'journal: recovered the open segments of an earlier process',
    )
  }
  return done
}

function seal(path: string, size: number, { scan: { end } }: SegmentBlocks): void {
  const fd = openSync(path, 'r+')
  try {
    if (end < size) ftruncateSync(fd, end)
    fdatasyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(path, sealedName(path))
}

/** Header and first block are written together, so an incomplete header means that nothing was acknowledged. */
function isBeginning(stream: Stream, bytes: Buffer): boolean {
  return containerHeader(recordSchema(stream)).subarray(0, bytes.length).equals(bytes)
}

function putAside(directory: string, name: string): void {
  const corrupt = join(dirname(directory), CORRUPT_DIRECTORY)
  mkdirSync(corrupt, { recursive: true })
  renameSync(join(directory, name), join(corrupt, name))
}
