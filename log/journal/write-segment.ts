import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { RecordSchema } from '../../schemas/avro.ts'
import { blockHeader, containerHeader } from '../../schemas/container.ts'
import type { Batch } from '../../schemas/batch.ts'
import { syncDirectory } from './disk.ts'

/**
 * Writes a sealed segment of these batches, all of this schema, in the place of what is there. `suffix` is that of its name until it is whole: whoever writes
 * removes what an attempt that was interrupted left under it.
 * @returns its size in bytes
 * @throws the disk's error: what was there is there still
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
