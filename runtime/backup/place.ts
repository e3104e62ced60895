import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { listBackups, removeOld } from './list.ts'
import { makeBackup, type BackupParts, type MadeBackup } from './make-backup.ts'
import { isBackupId, type Manifest } from './manifest.ts'
import { isS3, type S3Access } from './s3/address.ts'

/** Where the backups of an instance are: a directory, or a bucket. */
export interface BackupPlace {
  /** @param base a full backup there; null: this is a full one. @throws GatepostError as makeBackup() */
  make(parts: BackupParts, base: string | null): Promise<MadeBackup>
  /** The complete ones, the oldest first. */
  list(): Promise<Manifest[]>
  /** Removes the oldest beyond `keep`, but none that a kept one needs. @returns the removed ones */
  removeOld(keep: number): Promise<string[]>
}

/** @param to an absolute path, or s3://bucket/prefix. @throws GatepostError INPUT_INVALID, CONFIG_INVALID */
export async function placeOf(to: string, access: S3Access): Promise<BackupPlace> {
  if (isS3(to)) return s3Backups(to, access)
  return {
    make: (parts, base) => makeBackup(parts, { to, base }),
    list: () => listBackups(to),
    removeOld: (keep) => removeOld(to, keep),
  }
}

/** Loads the client of S3 only when it is needed. */
async function s3Backups(to: string, access: S3Access) {
  const { S3Backups } = await import('./s3/s3-backups.ts')
  return new S3Backups(to, access)
}

/**
 * Makes sure that a backup is in a directory of this machine while `work` reads it.
 * @param from a backup or where they are: the newest is taken
 * @param scratch where one in a bucket is fetched to; it needs the room that the backup and its base take
 */
export async function withLocalBackup<T>(
  from: string,
  access: S3Access,
  scratch: string,
  progress: (what: string) => void,
  work: (path: string) => Promise<T>,
): Promise<T> {
  if (!isS3(from)) return work(from)
  const [, place, id] = /^(.*?)\/([^/]*)\/?$/.exec(from) ?? []
  const backups = await s3Backups(isBackupId(id) ? place : from, access)
  const directory = await mkdtemp(join(scratch, 'gatepost-s3-'))
  try {
    return await work(await backups.fetch(isBackupId(id) ? id : null, directory, progress))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
