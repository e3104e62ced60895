import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { RecordSchema } from '../../schemas/avro.ts'
import { blockHeader, containerHeader } from '../../schemas/container.ts'
import type { Batch } from '../../schemas/batch.ts'
import { syncDirectory } from './disk.ts'

/**
 * Writes a sealed segment with these batches, which share this schema, replacing an existing file. It has the name suffix `suffix` until it
 * is complete; the caller removes such files of interrupted attempts.
 * @returns its size in bytes
 * @throws the file system's error: the existing file is unchanged
 */
export async function writeSegment(
  path: string,
  schema: RecordSchema,
  batches: readonly Batch[],
  suffix: string,
): Promise<number> {
  const file = await open(path + suffix, 'w', 0o600)
  let size: number
  try {
    await file.writeFile(containerHeader(schema))
    for (const { recordCount, records } of batches) {
      await file.writeFile(Buffer.concat([blockHeader(recordCount, records.length), records, schema.fingerprint]))
    }
    await file.sync()
    size = (await file.stat()).size
  } finally {
    await file.close()
  }
  await rename(path + suffix, path)
  await syncDirectory(dirname(path))
  return size
}
