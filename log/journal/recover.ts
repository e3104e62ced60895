import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { recordSchema } from '../../schemas/avro.ts'
import type { Logger } from '../../common/logger.ts'
import { syncDirectory } from './disk.ts'
import { OPEN_SUFFIX, parseSegmentName, SEALED_SUFFIX } from './layout.ts'
import { headerEnd, scanBlocks } from '../../schemas/scan.ts'

/** What recovery did with a slot's open segments. */
export interface Recovery {
  readonly sealed: number
  readonly removed: number
  /** Bytes behind the last whole block, which nobody was told are durable. */
  readonly truncatedBytes: number
}

/**
 * Seals the segments that a dead worker left open, cut to their last whole block. PRECONDITION: the caller holds the
 * slot's lock, so nobody writes them. Blocks that are whole but were not acknowledged stay: more is stored, nothing lost.
 */
export async function recoverSlot(directory: string, logger: Logger): Promise<Recovery> {
  let sealed = 0
  let removed = 0
  let truncatedBytes = 0
  for (const name of readdirSync(directory)) {
    const segment = name.endsWith(OPEN_SUFFIX) ? parseSegmentName(name) : null
    if (segment === null) continue
    const path = join(directory, name)
    const bytes = readFileSync(path)
    const schema = recordSchema(segment.topic)
    const { blocks, end } = scanBlocks(bytes, headerEnd(bytes, schema.fingerprint) ?? 0, schema.fingerprint)
    if (blocks.length === 0) {
      unlinkSync(path)
      removed++
    } else {
      truncatedBytes += bytes.length - end
      const fd = openSync(path, 'r+')
      try {
        if (end < bytes.length) ftruncateSync(fd, end)
        fdatasyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(path, path.slice(0, -OPEN_SUFFIX.length) + SEALED_SUFFIX)
      sealed++
    }
  }
  if (sealed + removed > 0) {
    await syncDirectory(directory)
    logger.info(
      { directory, sealed, removed, truncatedBytes },
      'recovered the journal segments of a process that ended',
    )
  }
  return { sealed, removed, truncatedBytes }
}
