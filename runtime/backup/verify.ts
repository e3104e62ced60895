import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkFiles, locateFiles } from './check.ts'
import { findBackup } from './list.ts'
import type { Manifest } from './manifest.ts'
import { assertUsable, restoreStore } from './restore.ts'

export interface Verified {
  readonly id: string
  readonly base: string | null
  readonly files: number
  readonly bytes: number
  readonly tables: Manifest['tables']
  readonly journal_records: number
  readonly access_entries: number
}

/**
 * Reads every file of a backup, and restores its tables into a directory of its own to count them.
 * @param scratch where that directory is made; it needs the room that the tables take
 * @throws GatepostError INPUT_INVALID: the backup is damaged; DATA_FORMAT_LATER
 */
export async function verify(path: string, scratch: string, progress: (what: string) => void): Promise<Verified> {
  const { directory, manifest } = await findBackup(path)
  assertUsable(manifest)
  const files = locateFiles(directory, manifest)
  await checkFiles(files, (done) => progress(`file ${done} of ${files.length}`))
  progress('tables')
  const temporary = await mkdtemp(join(scratch, 'gatepost-verify-'))
  try {
    await restoreStore(join(temporary, 'store'), directory, manifest)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return {
    id: manifest.id,
    base: manifest.base,
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    tables: manifest.tables,
    journal_records: manifest.journalRecords,
    access_entries: manifest.accessEntries,
  }
}
