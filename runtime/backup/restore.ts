import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { lockDirectory } from '../../common/directory-lock.ts'
import { GatepostError } from '../../common/errors.ts'
import { makeDirectory, syncDirectory } from '../../log/journal/disk.ts'
import { directoryPlace } from '../../store/embedded/backup.ts'
import { restoreTables } from '../../store/embedded/restore.ts'
import { assertDataFormat, dataFormats } from '../data-format.ts'
import { assertRows, locateFiles, type LocatedFile } from './check.ts'
import { copyDurably, filesBelow, syncTree } from './files.ts'
import { findBackup } from './list.ts'
import { baseOf, FILES, TABLES, type Manifest } from './manifest.ts'
import { takeLog, type TakenLog } from './take-log.ts'
import { RESTORING } from './restoring.ts'

export interface RestoreRequest {
  /** A backup, or a directory of backups, of which the newest is taken. */
  readonly from: string
  readonly dataDir: string
  /** A data directory of which the disk, or a part of it, is left: its log has records that came after the backup. Null: none. */
  readonly logOf: string | null
}

export interface Restored {
  readonly id: string
  readonly rows: number
  readonly journal_records: number
  readonly access_entries: number
  /** Whether the backup had the generated secret; otherwise GATEPOST_SECRET has to be what it was. */
  readonly secret: boolean
  readonly log: Manifest['log']
  /** Null: no other log was taken. */
  readonly taken: TakenLog | null
}

/** What a directory may hold that counts as empty. */
const IGNORED = new Set(['lost+found', RESTORING])

/**
 * Makes a data directory from a backup. It must be new or empty; one in which a restore was interrupted is emptied first. Nothing uses the
 * directory before it is complete.
 * @throws GatepostError INPUT_INVALID: the backup cannot be used; CONFIG_INVALID: the directory is not empty; DIRECTORY_LOCKED
 */
export async function restore(request: RestoreRequest, progress: (what: string) => void): Promise<Restored> {
  const dataDir = resolve(request.dataDir)
  const { directory, manifest } = await findBackup(request.from)
  assertUsable(manifest)
  const files = locateFiles(directory, manifest)
  await makeDirectory(dataDir)
  const lock = await lockDirectory(dataDir, 'supervisor')
  try {
    await makeEmpty(dataDir)
    progress('files')
    await restoreFiles(dataDir, files)
    progress('tables')
    await restoreStore(join(dataDir, 'store'), directory, manifest)
    const taken = request.logOf === null ? null : await takeLog(resolve(request.logOf), dataDir, manifest)
    progress('the disk')
    await syncTree(dataDir, await filesBelow(dataDir))
    await rm(join(dataDir, RESTORING), { recursive: true })
    await syncDirectory(dataDir)
    return {
      id: manifest.id,
      rows: Object.values(manifest.tables).reduce((sum, rows) => sum + rows, 0),
      journal_records: manifest.journalRecords,
      access_entries: manifest.accessEntries,
      secret: existsSync(join(dataDir, 'secret')),
      log: manifest.log,
      taken,
    }
  } finally {
    await lock.release()
  }
}

/** @throws GatepostError DATA_FORMAT_LATER */
export function assertUsable({ id, gatepost, formats }: Manifest): void {
  const known = dataFormats()
  const later = Object.entries(formats).filter(([part, format]) => format > (known[part] ?? 0))
  if (later.length === 0) return
  const parts = later.map(([part]) => part).join(', ')
  throw new GatepostError(
    'DATA_FORMAT_LATER',
    `backup ${id} was made by Gatepost ${gatepost}, whose ${parts} this version cannot use: install ${gatepost} or later`,
  )
}

async function makeEmpty(dataDir: string): Promise<void> {
  const marker = join(dataDir, RESTORING)
  const others = readdirSync(dataDir).filter((name) => !IGNORED.has(name))
  if (others.length > 0 && !existsSync(marker)) {
    throw new GatepostError(
      'CONFIG_INVALID',
      `GATEPOST_DATA_DIR=${dataDir} is not empty (${others.slice(0, 3).join(', ')}): a restore goes into an empty directory. Move it away first, ` +
        'and name it with --log-of: its log may have records that came after the backup',
    )
  }
  mkdirSync(marker, { recursive: true, mode: 0o700 })
  await syncDirectory(dataDir)
  for (const name of others) await rm(join(dataDir, name), { recursive: true })
}

async function restoreFiles(dataDir: string, files: readonly LocatedFile[]): Promise<void> {
  for (const { path, location, sha256 } of files) {
    if (!path.startsWith(FILES + sep)) continue
    const copied = await copyDurably(location, join(dataDir, path.slice(FILES.length + 1)))
    if (copied.sha256 !== sha256)
      throw new GatepostError('INPUT_INVALID', `${location} is damaged: it is not what was written`)
  }
  assertDataFormat(dataDir, { restoring: true })
}

/** @param path where the tables are restored to @throws GatepostError INPUT_INVALID: other rows than were backed up */
export async function restoreStore(path: string, directory: string, manifest: Manifest): Promise<void> {
  const base = baseOf(directory, manifest)
  const place = (backup: string) => directoryPlace(resolve(backup, TABLES))
  const rows = await restoreTables(path, place(directory), base === null ? null : place(base.directory))
  assertRows(manifest.tables, rows)
}
