import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { packageFile } from '../../common/package-root.ts'

/**
 * Files of the rooms and of dist/ that were written since a time, in ms. Pages, schemas and migrations are read from the rooms and code from
 * dist/, by each process as it starts: what is written during a run makes processes of no one version, whose failures say nothing.
 */
export function changedSince(since: number): string[] {
  const { include } = JSON.parse(readFileSync(packageFile('tsconfig.json'), 'utf8')) as { include: string[] }
  return [...include, 'dist'].flatMap((room) =>
    readdirSync(packageFile(room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? since) > since)
      .map((path) => path.slice(packageFile('.').length).replace(/^\//, '')),
  )
}
