import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { recordSchema } from '../../schemas/avro.ts'
import { blockHeader, containerHeader } from '../../schemas/container.ts'
import { TOPICS, type Topic } from '../../schemas/topics.ts'
import type { Batch } from '../contract.ts'
import { archivedSegments, unlessGone } from './archive.ts'
import { syncDirectory } from './disk.ts'
import { readSegment } from './read-segment.ts'

export interface Rewritten {
  /** Segments that held a record that had to go. */
  readonly segments: number
  /** Records that had to go. */
  readonly records: number
}

/**
 * Writes every segment of an archive anew without the records that `without` leaves out; one that holds none of them stays as it is. One
 * segment is in memory at a time. What is damaged of a segment that is written anew is left out, since nobody can say who is in it.
 * With `dryRun` nothing is written. An instance may run meanwhile.
 * @throws the disk's error: each segment is there as it was, or as it was to be
 */
export async function rewriteArchive(
  directory: string,
  without: (batch: Batch) => Batch | null,
  dryRun: boolean,
): Promise<Rewritten> {
  let [segments, records] = [0, 0]
  for (const topic of TOPICS) {
    for (const { path } of await archivedSegments(directory, [topic])) {
      const segment = await unlessGone(readSegment(path, topic))
      if (segment === null) continue
      const kept = segment.batches.map(without).filter((batch) => batch !== null)
      const gone = count(segment.batches) - count(kept)
      if (gone === 0) continue
      segments++
      records += gone
      if (!dryRun) await writeAnew(path, topic, kept)
    }
  }
  return { segments, records }
}

const count = (batches: readonly Batch[]) => batches.reduce((sum, { recordCount }) => sum + recordCount, 0)

async function writeAnew(path: string, topic: Topic, batches: readonly Batch[]): Promise<void> {
  const schema = recordSchema(topic)
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(containerHeader(schema))
    for (const { recordCount, records } of batches) {
      await file.writeFile(Buffer.concat([blockHeader(recordCount, records.length), records, schema.fingerprint]))
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await syncDirectory(dirname(path))
}
