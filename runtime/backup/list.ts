import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { GatepostError } from '../../common/errors.ts'
import { isBackupId, MANIFEST, readManifest, type Manifest } from './manifest.ts'

/** The complete backups in a directory, the oldest first. A backup that a later version made is left out. */
export async function listBackups(to: string): Promise<Manifest[]> {
  const states = (await idsIn(to)).map((id) => stateOf(join(to, id)))
  return states.filter((state) => typeof state === 'object')
}

/** The backup that a path names: the path itself, or the newest one in it. @throws GatepostError INPUT_INVALID */
export async function findBackup(path: string): Promise<{ directory: string; manifest: Manifest }> {
  const own = readManifest(path)
  if (own !== null) return { directory: path, manifest: own }
  const newest = (await listBackups(path)).at(-1)
  if (newest !== undefined) return { directory: join(path, newest.id), manifest: newest }
  throw new GatepostError('INPUT_INVALID', `${path}: there is no complete backup`)
}

/** Removes what interrupted backups have written. PRECONDITION: the caller holds the lock of the directory. */
export async function removeIncomplete(to: string): Promise<void> {
  for (const id of await idsIn(to)) {
    if (stateOf(join(to, id)) === 'incomplete') await rm(join(to, id), { recursive: true })
  }
}

/** The newest backups, and the bases of those. @param all the oldest first */
export function keptWith(all: readonly Manifest[], keep: number): Set<string> {
  return new Set(all.slice(-keep).flatMap(({ id, base }) => (base === null ? [id] : [id, base])))
}

/**
 * Removes the oldest backups beyond `keep`, but none that a kept one has as its base.
 * @returns the removed ones
 */
export async function removeOld(to: string, keep: number): Promise<string[]> {
  const all = await listBackups(to)
  const kept = keptWith(all, keep)
  const old = all.filter(({ id }) => !kept.has(id)).map(({ id }) => id)
  for (const id of old) {
    // Without its manifest it is not a backup any more, whatever is left of it.
    await rm(join(to, id, MANIFEST))
    await rm(join(to, id), { recursive: true })
  }
  return old
}

async function idsIn(to: string): Promise<string[]> {
  const names = await readdir(to).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  })
  return names.filter(isBackupId).sort()
}

/** `later`: a later version made it. */
function stateOf(directory: string): Manifest | 'incomplete' | 'later' {
  try {
    return readManifest(directory) ?? 'incomplete'
  } catch (error) {
    if (error instanceof GatepostError) return 'later'
    throw error
  }
}
