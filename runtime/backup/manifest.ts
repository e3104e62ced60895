import { join } from 'node:path'
import { z } from 'zod'
import { GatepostError } from '../../common/errors.ts'
import { jsonFileText, parseJsonFile, readJsonFile } from '../../common/json-file.ts'

/*
 * A backup is a directory, named after the time at which it was begun:
 *
 *   tables/          the tables, as the engine's BACKUP writes them
 *   files/           files of the data directory, under their names there
 *   manifest.json    what it holds; it is written last, so a directory without it is not a backup
 *
 * A backup that has a base lacks the files that are the same in the base, which stands beside it and has no base itself.
 */

export const MANIFEST = 'manifest.json'
export const TABLES = 'tables'
export const FILES = 'files'

const ID = /^\d{8}T\d{6}\.\d{3}Z$/

const fileSchema = z.object({
  /** Below the backup's directory. */
  path: z.string(),
  bytes: z.number().int().nonnegative(),
  sha256: z.string(),
  /** Its bytes are in the base. */
  inBase: z.boolean(),
})

const manifestSchema = z.object({
  gatepost: z.string(),
  id: z.string().regex(ID),
  /** The backup whose files this one does not repeat; null: none. */
  base: z.string().regex(ID).nullable(),
  /** When inserts were held, ms since the epoch: everything that was acknowledged before is in it. */
  at: z.number().int(),
  log: z.enum(['journal', 'kafka']),
  /** Rows in the parts of each table. */
  tables: z.record(z.string(), z.number().int().nonnegative()),
  /** Records of the journal that were acknowledged; some of them are in the tables too. */
  journalRecords: z.number().int().nonnegative(),
  /** Lines of the access log. */
  accessEntries: z.number().int().nonnegative(),
  /** Formats of the parts of the data directory; see data-format.ts. */
  formats: z.record(z.string(), z.number().int().positive()),
  files: z.array(fileSchema),
})

export type Manifest = z.infer<typeof manifestSchema>
export type BackedUpFile = z.infer<typeof fileSchema>

export function backupId(at: Date): string {
  return at.toISOString().replaceAll('-', '').replaceAll(':', '')
}

export function isBackupId(name: string): boolean {
  return ID.test(name)
}

/** When a backup was begun, ms since the epoch. */
export function timeOfId(id: string): number {
  return Date.parse(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:'))
}

export function manifestText(manifest: Omit<Manifest, 'gatepost'>): string {
  return jsonFileText(manifest)
}

/** Null: the directory is not a complete backup. @throws GatepostError DATA_FORMAT_LATER */
export function readManifest(directory: string): Manifest | null {
  return readJsonFile(join(directory, MANIFEST), manifestSchema)
}

/** The same for the text of a manifest. @param path names it in messages */
export function parseManifest(text: string, path: string): Manifest | null {
  return parseJsonFile(text, path, manifestSchema)
}

/** Where the base of a backup is. @throws GatepostError INPUT_INVALID: it is missing, or is not a full backup */
export function baseOf(directory: string, { id, base }: Manifest): { directory: string; manifest: Manifest } | null {
  if (base === null) return null
  const beside = join(directory, '..', base)
  const manifest = readManifest(beside)
  if (manifest !== null && manifest.base === null) return { directory: beside, manifest }
  throw new GatepostError('INPUT_INVALID', `backup ${id} needs its base ${base} beside it, and there is none`)
}
