import { join } from 'node:path'
import { GatepostError } from '../../common/errors.ts'
import { digestOf } from './files.ts'
import { baseOf, type BackedUpFile, type Manifest } from './manifest.ts'

/** Where each file of a backup is, the base's included. */
export interface LocatedFile extends BackedUpFile {
  /** Absolute, or relative to the working directory, as the backup's directory was given. */
  readonly location: string
}

/** @throws GatepostError INPUT_INVALID: the base is missing */
export function locateFiles(directory: string, manifest: Manifest): LocatedFile[] {
  const base = baseOf(directory, manifest)
  const own = manifest.files.map((file) => {
    return { ...file, location: join(file.inBase && base !== null ? base.directory : directory, file.path) }
  })
  // The engine finds in the base what it did not write again.
  const tables = base === null ? [] : base.manifest.files.filter(({ path }) => path.startsWith('tables'))
  return [...own, ...tables.map((file) => ({ ...file, location: join(base?.directory ?? '', file.path) }))]
}

/** Reads every file. @throws GatepostError INPUT_INVALID: a file is missing or is not what was written */
export async function checkFiles(files: readonly LocatedFile[], progress: (done: number) => void): Promise<void> {
  let done = 0
  for (const { location, bytes, sha256 } of files) {
    const found = await digestOf(location).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new GatepostError('INPUT_INVALID', `${location} is missing`)
      throw error
    })
    if (found.bytes !== bytes || found.sha256 !== sha256) {
      const size = found.bytes === bytes ? '' : ` (${found.bytes} bytes instead of ${bytes})`
      throw new GatepostError('INPUT_INVALID', `${location} is damaged: it is not what was written${size}`)
    }
    progress(++done)
  }
}

/** @throws GatepostError INPUT_INVALID: the restored tables have other rows than those that were backed up */
export function assertRows(expected: Readonly<Record<string, number>>, found: Readonly<Record<string, number>>): void {
  const wrong = Object.entries(expected).filter(([table, rows]) => found[table] !== rows)
  if (wrong.length === 0) return
  const list = wrong.map(([table, rows]) => `${table} has ${found[table] ?? 'no'} rows instead of ${rows}`)
  throw new GatepostError('INPUT_INVALID', `the restored tables are not those that were backed up: ${list.join(', ')}`)
}
