import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import { createInterface } from 'node:readline'
import { withoutCompaction } from '../../access/journal-compaction.ts'
import { FILE as ACCESS_LOG } from '../../access/journal-file.ts'
import { lockDirectory } from '../../common/directory-lock.ts'
import { GatepostError } from '../../common/errors.ts'
import { makeDirectory, syncDirectory } from '../../log/journal/disk.ts'
import { directoryPlace, type EmbeddedStore, type TablesBackup } from '../../store/embedded/backup.ts'
import { CORRUPT_DIRECTORY } from '../../log/journal/layout.ts'
import { dataFormats } from '../data-format.ts'
import { captureFiles } from './capture.ts'
import { completeBlocks, copyDurably, digestOf, filesBelow, syncTree, writeDurably } from './files.ts'
import { removeIncomplete } from './list.ts'
import {
  backupId,
  FILES,
  MANIFEST,
  manifestText,
  readManifest,
  TABLES,
  type BackedUpFile,
  type Manifest,
} from './manifest.ts'

export interface BackupRequest {
  /** Where the backups of this instance are: a directory, absolute, or s3://bucket/prefix. */
  readonly to: string
  /** The full backup whose files are not written again; null: this is a full backup. */
  readonly base: string | null
}

export interface BackupParts {
  readonly dataDir: string
  readonly log: 'journal' | 'kafka'
  readonly store: Pick<EmbeddedStore, 'backUp'>
  /** Keeps others than the store from writing tables. @returns what lets them write again */
  readonly holdWriters: () => Promise<() => void>
  readonly stopped: () => boolean
}

export interface MadeBackup {
  readonly id: string
  readonly base: string | null
  readonly directory: string
  readonly bytes: number
  readonly rows: number
  readonly journalRecords: number
  readonly tookMs: number
  /** How long nothing was stored. */
  readonly heldMs: number
}

/** The role of the lock on a directory of backups. */
const LOCK = 'backup'

/**
 * Backs up a data directory: the tables and the files of the record log as they are at one moment, so that each acknowledged record is in
 * one of them, or in both, which storing it again does not double.
 * @throws GatepostError INPUT_INVALID: the base is no full backup; DIRECTORY_LOCKED: another backup runs there; STORE_REFUSED,
 *   STORE_UNAVAILABLE; the file system's error. What was written is not a backup and is removed by the next one.
 */
export async function makeBackup(parts: BackupParts, { to, base }: BackupRequest): Promise<MadeBackup> {
  const started = performance.now()
  await makeDirectory(to)
  const lock = await lockDirectory(to, LOCK)
  const staging = join(parts.dataDir, 'run', 'backup')
  try {
    await removeIncomplete(to)
    const baseManifest = base === null ? null : fullBackup(to, base)
    const at = Date.now()
    const id = backupId(new Date(at))
    const directory = join(to, id)
    await mkdir(directory, { mode: 0o700 })
    const tables = await backUpTables(parts, directory, base === null ? null : join(to, base), staging)
    const copied = await copyFiles(staging, directory, baseManifest)
    const files = [...(await tableFiles(directory)), ...copied.files]
    const { journalRecords, accessEntries } = copied
    await syncTree(
      directory,
      files.filter(({ inBase }) => !inBase).map(({ path }) => path),
    )
    await writeDurably(
      join(directory, MANIFEST),
      manifestText({
        id,
        base,
        at,
        log: parts.log,
        tables: tables.rows,
        journalRecords,
        accessEntries,
        formats: dataFormats(),
        files,
      }),
    )
    await syncDirectory(directory)
    await syncDirectory(to)
    return {
      id,
      base,
      directory,
      bytes: files.reduce((sum, { bytes, inBase }) => sum + (inBase ? 0 : bytes), 0),
      rows: Object.values(tables.rows).reduce((sum, rows) => sum + rows, 0),
      journalRecords,
      tookMs: Math.round(performance.now() - started),
      heldMs: Math.round(tables.heldMs),
    }
  } finally {
    await rm(staging, { recursive: true, force: true })
    await lock.release()
  }
}

function fullBackup(to: string, base: string): Manifest {
  const manifest = readManifest(join(to, base))
  if (manifest !== null && manifest.base === null) return manifest
  const why = manifest === null ? 'there is no complete backup of that name' : `it has a base itself, ${manifest.base}`
  throw new GatepostError('INPUT_INVALID', `${base} in ${to} cannot be a base: ${why}`)
}

async function backUpTables(
  { dataDir, store, holdWriters, stopped }: BackupParts,
  directory: string,
  base: string | null,
  staging: string,
): Promise<TablesBackup> {
  const compaction = await withoutCompaction(dataDir)
  let letWrite: (() => void) | null = await holdWriters()
  let captured = false
  const finish = async () => {
    letWrite?.()
    letWrite = null
    if (!captured) await compaction.release()
    captured = true
  }
  try {
    return await store.backUp({
      to: directoryPlace(join(directory, TABLES)),
      base: base === null ? null : directoryPlace(join(base, TABLES)),
      whileHeld: async () => {
        await captureFiles(dataDir, staging)
        await finish()
      },
      stopped,
    })
  } finally {
    await finish()
  }
}

interface Copied {
  readonly files: BackedUpFile[]
  readonly journalRecords: number
  readonly accessEntries: number
}

async function copyFiles(staging: string, directory: string, base: Manifest | null): Promise<Copied> {
  const inBase = new Map(base?.files.map((file) => [file.path, file]))
  const files: BackedUpFile[] = []
  let journalRecords = 0
  let accessEntries = 0
  for (const name of await filesBelow(staging)) {
    const path = join(FILES, name)
    const source = join(staging, name)
    if (name.startsWith(`journal${sep}`) && !name.startsWith(join('journal', CORRUPT_DIRECTORY))) {
      const blocks = await completeBlocks(source, basename(name))
      if (blocks === null) continue
      journalRecords += blocks.records
      await writeDurably(join(directory, path), blocks.bytes)
      files.push({ path, ...(await digestOf(join(directory, path))), inBase: false })
      continue
    }
    const known = name === ACCESS_LOG ? undefined : inBase.get(path)
    if (known !== undefined && (await digestOf(source)).sha256 === known.sha256) {
      files.push({ ...known, inBase: true })
      continue
    }
    files.push({ path, ...(await copyDurably(source, join(directory, path))), inBase: false })
    if (name === ACCESS_LOG) accessEntries = await linesOf(join(directory, path))
  }
  return { files, journalRecords, accessEntries }
}

/** Lines that are not empty. */
async function linesOf(path: string): Promise<number> {
  let lines = 0
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (line !== '') lines++
  }
  return lines
}

/** The files that the engine wrote. */
async function tableFiles(directory: string): Promise<BackedUpFile[]> {
  const files: BackedUpFile[] = []
  for (const name of await filesBelow(join(directory, TABLES))) {
    files.push({ path: join(TABLES, name), ...(await digestOf(join(directory, TABLES, name))), inBase: false })
  }
  return files
}
