import { copyFile, link, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FILE as ACCESS_LOG } from '../../access/journal-file.ts'
import { STREAMS } from '../../schemas/streams/index.ts'
import { CORRUPT_DIRECTORY, existingSlots, parseSegmentName, sealedName } from '../../log/journal/layout.ts'

/** Files that are small and are replaced as a whole. */
const SMALL_FILES = ['secret', 'format.json', 'demo.json', join('journal', 'id')]
/** A segment may be sealed, or moved to the archive, between the listing and the link. */
const MAX_ROUNDS = 20

/**
 * Gives the files of a data directory that belong to a backup a second name below `staging`, which is on the same disk, so it takes
 * milliseconds and what happens to the first name does not matter. Open segments and the access log may still grow.
 * PRECONDITION: nothing is stored meanwhile, so that a record is either in a segment or in the tables; nobody compacts the access log
 */
export async function captureFiles(dataDir: string, staging: string): Promise<void> {
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { recursive: true, mode: 0o700 })
  for (const name of [...SMALL_FILES, ACCESS_LOG]) await keepIfThere(dataDir, staging, name)
  for (let round = 0; ; round++) {
    const missed = (await captureSegments(dataDir, staging)).length
    if (missed === 0) return
    if (round === MAX_ROUNDS) throw new Error(`${missed} segments of the journal were moved again and again`)
  }
}

/** @returns segments that were gone when their turn came */
async function captureSegments(dataDir: string, staging: string): Promise<string[]> {
  const missed: string[] = []
  for (const directory of segmentDirectories(dataDir)) {
    const names = await readdir(join(dataDir, directory)).catch(() => [])
    for (const name of names) {
      if (parseSegmentName(name) === null) continue
      // A segment that was linked while it was open is the same file under its later name.
      const sealed = sealedName(name)
      if (await exists(join(staging, directory, sealed))) continue
      if (!(await keepIfThere(dataDir, staging, join(directory, name), join(directory, sealed)))) missed.push(name)
    }
  }
  return missed
}

function segmentDirectories(dataDir: string): string[] {
  return [
    ...existingSlots(join(dataDir, 'journal')).map((slot) => join('journal', String(slot))),
    join('journal', CORRUPT_DIRECTORY),
    ...STREAMS.map((stream) => join('archive', stream)),
  ]
}

async function keepIfThere(dataDir: string, staging: string, name: string, as = name): Promise<boolean> {
  const target = join(staging, as)
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  try {
    await link(join(dataDir, name), target)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    // A part of the data directory is on another disk, or the file system has no links.
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP') throw error
    await copyFile(join(dataDir, name), target)
    return true
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
