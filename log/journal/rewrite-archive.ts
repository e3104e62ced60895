import { lockDirectory } from '../../common/directory-lock.ts'
import { TOPICS } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'
import { archivedSegments, readWhole, removeUnfinished, REWRITE_LOCK, REWRITTEN_SUFFIX, unlessGone } from './archive.ts'
import { writeSegment } from './write-segment.ts'

export interface Rewritten {
  /** Segments that held a record that had to go. */
  readonly segments: number
  /** Records that had to go. */
  readonly records: number
}

/** One that reads a whole archive takes its time. */
const LOCK_WAIT_MS = 60_000

/**
 * Writes every segment of an archive anew without the records that `without` leaves out; one that holds none of them stays as it is. One
 * segment is in memory at a time. What is damaged of a segment that is written anew is left out, since nobody can say who is in it.
 * With `dryRun` nothing is written. An instance may run meanwhile.
 * @throws the disk's error: each segment is there as it was, or as it was to be; GatepostError DIRECTORY_LOCKED: another one does the same;
 *   SCHEMA_UNKNOWN: a segment holds records of a later version
 */
export async function rewriteArchive(
  directory: string,
  without: (batch: Batch) => Batch | null,
  dryRun: boolean,
): Promise<Rewritten> {
  if (dryRun) return rewritten(directory, without, dryRun)
  const lock = await lockDirectory(directory, REWRITE_LOCK, LOCK_WAIT_MS)
  try {
    // It holds everybody but those who were forgotten then.
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
  for (const topic of TOPICS) {
    for (const { path } of await archivedSegments(directory, [topic])) {
      const segment = await unlessGone(readWhole(path, topic))
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
