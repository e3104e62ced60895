import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function findRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory)
      throw new Error('package.json of gatepost not found above ' + fileURLToPath(import.meta.url))
    directory = parent
  }
  return directory
}

const root = findRoot()

/** Absolute path of a file that is shipped with the package (schemas, SQL), from source and from dist alike. */
export function packageFile(path: string): string {
  return join(root, path)
}

/** The version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version
}
