import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from '../../log/journal/disk.ts'

/**
 * What tells this journal from every other one that feeds the same store: random, made once, kept in the journal's directory.
 * Durable before it is used: a journal that changed its name could be inserted under two claims at once.
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

/** Null: there is none, or what a power loss left of one that was never used. */
function read(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return /^[0-9a-f]{16}$/.test(text) ? text : null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
