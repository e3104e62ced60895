import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files below a directory that contain a text, in any case. Files that are removed meanwhile do not count. */
export function filesHolding(
  directory: string,
  text: string,
  looked: (path: string) => boolean = () => true,
): string[] {
  const wanted = text.toLowerCase()
  return filesBelow(directory)
    .filter(looked)
    .filter((path) => unlessGone(() => readFileSync(path).toString('latin1').toLowerCase().includes(wanted), false))
}

function filesBelow(directory: string): string[] {
  const entries = unlessGone(() => readdirSync(directory, { withFileTypes: true }), [])
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name)
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : []
  })
}

function unlessGone<T>(read: () => T, gone: T): T {
  try {
    return read()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return gone
    throw error
  }
}
