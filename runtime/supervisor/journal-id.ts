import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from '../../log/journal/disk.ts'

/**
 * Distinguishes this journal from every other one that feeds the same store: a random id, created once and kept in the journal's directory.
 * It is durable before it is used: a journal whose id changed could be inserted under two fences at once.
 */
export async function journalId(journal: string): Promise<string> {
  const path = join(journal, 'id')
  const known = read(path)
  if (known !== null) return known
  const id = randomBytes(8).toString('hex')
  const temporary = `${path}.new`
  rmSync(temporary, { force: true })
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(fd, `${id}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
  await syncDirectory(journal)
  return id
}

/** Null: the file does not exist, or a power loss cut it off before it was used. */
function read(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return /^[0-9a-f]{16}$/.test(text) ? text : null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
