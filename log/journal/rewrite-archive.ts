import { lockDirectory } from '../../common/directory-lock.ts'
import { STREAMS } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'
import { archivedSegments, readWhole, removeUnfinished, REWRITE_LOCK, REWRITTEN_SUFFIX, unlessGone } from './archive.ts'
import { writeSegment } from './write-segment.ts'

export interface Rewritten {
  /** Segments from which records were removed. */
  readonly segments: number
  /** Records removed. */
  readonly records: number
}

/** Rewriting a whole archive takes time, so wait for another process this long. */
const LOCK_WAIT_MS = 60_000

/**
 * Rewrites the segments of an archive without the records that `without` leaves out; a segment without such records stays unchanged. One
 * segment is in memory at a time. Damaged parts of a rewritten segment are dropped, since it is unknown whom they name. With `dryRun`
 * nothing is written. An instance may be running.
 * @throws the file system's error: each segment is either unchanged or completely rewritten; GatepostError DIRECTORY_LOCKED: another process
 *  is rewriting the archive; SCHEMA_UNKNOWN: a segment holds records of a later version
 */
export async function rewriteArchive(
  directory: string,
  without: (batch: Batch) => Batch | null,
  dryRun: boolean,
): Promise<Rewritten> {
  if (dryRun) return rewritten(directory, without, dryRun)
  const lock = await lockDirectory(directory, REWRITE_LOCK, LOCK_WAIT_MS)
  try {
    // An interrupted rewrite left a file that may name people who were forgotten since.
    await removeUnfinished(directory, REWRITTEN_SUFFIX)
    return await rewritten(directory, without, dryRun)
  } finally {
    await lock.release()
  }
}

async function rewritten(
  directory: string,
  without: (batch: Batch) => Batch | null,
  dryRun: boolean,
): Promise<Rewritten> {
  let [segments, records] = [0, 0]
  for (const stream of STREAMS) {
    for (const { path } of await archivedSegments(directory, [stream])) {
      const segment = await unlessGone(readWhole(path, stream))
      if (segment === null) continue
      const kept = segment.batches.map(without).filter((batch) => batch !== null)
      const gone = count(segment.batches) - count(kept)
      if (gone === 0) continue
      segments++
      records += gone
      if (!dryRun) await writeSegment(path, segment.batches[0].schema, kept, REWRITTEN_SUFFIX)
    }
  }
  return { segments, records }
}

const count = (batches: readonly Batch[]) => batches.reduce((sum, { recordCount }) => sum + recordCount, 0)
