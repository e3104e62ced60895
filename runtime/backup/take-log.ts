import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FILE as ACCESS_LOG } from '../../access/journal-file.ts'
import { lockDirectory } from '../../common/directory-lock.ts'
import { GatepostError } from '../../common/errors.ts'
import { existingSlots, parseSegmentName, sealedName, slotDirectory } from '../../log/journal/layout.ts'
import { STREAMS } from '../../schemas/streams/index.ts'
import { completeBlocks, copyDurably, writeDurably } from './files.ts'
import { FILES, type Manifest } from './manifest.ts'

/** What was taken from the log of another data directory. */
export interface TakenLog {
  /** Segments of its journal and of its archive that the backup does not have. */
  readonly segments: number
  readonly records: number
  readonly access_log: boolean
}

/**
 * Puts what the log of another data directory has, and the backup has not, into the journal of a restored one, where the next start stores
 * it; what is in the tables already is left out by its identity. The access log is taken as it is: it was the same file, and is newer.
 * @throws GatepostError INPUT_INVALID: it is no data directory; DIRECTORY_LOCKED: an instance runs on it
 */
export async function takeLog(other: string, dataDir: string, manifest: Manifest): Promise<TakenLog> {
  const journal = join(other, 'journal')
  if (!existsSync(journal) && !existsSync(join(other, 'archive'))) {
    throw new GatepostError('INPUT_INVALID', `--log-of ${other}: it has neither a journal nor an archive`)
  }
  const lock = await lockDirectory(other, 'supervisor')
  try {
    const known = new Set(manifest.files.map(({ path }) => path))
    const target = slotDirectory(join(dataDir, 'journal'), 0)
    let segments = 0
    let records = 0
    const directories = [
      ...existingSlots(journal).map((slot) => join('journal', String(slot))),
      ...STREAMS.map((stream) => join('archive', stream)),
    ]
    for (const directory of directories) {
      for (const name of await readdir(join(other, directory)).catch(() => [])) {
        if (parseSegmentName(name) === null) continue
        const sealed = sealedName(name)
        // A segment that was open then has more now; one of the archive does not change.
        if (directory.startsWith('archive') && known.has(join(FILES, directory, name))) continue
        const blocks = await completeBlocks(join(other, directory, name), name)
        if (blocks === null) continue
        await writeDurably(join(target, sealed), blocks.bytes)
        segments++
        records += blocks.records
      }
    }
    const accessLog = existsSync(join(other, ACCESS_LOG))
    if (accessLog) await copyDurably(join(other, ACCESS_LOG), join(dataDir, ACCESS_LOG))
    return { segments, records, access_log: accessLog }
  } finally {
    await lock.release()
  }
}
