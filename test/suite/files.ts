import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { packageFile } from '../../common/package-root.ts'
import { isInstalled } from '../clients/installed.ts'
import { LONGEST } from './longest.ts'

/** What was asked for names no test. */
export class NoSuchTest extends Error {}

/**
 * The compiled test files that are meant, as paths below dist/, the longest first: what is long and comes last leaves a core idle.
 * @param named files or folders, as source or as compiled, from `cwd`; none: every test
 */
export function testFiles(named: readonly string[], cwd = process.cwd()): string[] {
  const found = named.length === 0 ? below('') : named.flatMap((name) => meantBy(name, cwd))
  return [...new Set(found)].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** The source of a compiled test file, as people name it. */
export function sourceOf(file: string): string {
  return file.replace(/\.js$/, '.ts')
}

function meantBy(name: string, cwd: string): string[] {
  const root = packageFile('.')
  const path = relative(root, isAbsolute(name) ? name : resolve(cwd, name)).replace(/^dist\//, '')
  const source = join(root, path)
  if (existsSync(source) && statSync(source).isDirectory()) {
    const inside = below(path)
    if (inside.length > 0) return inside
  }
  const compiled = path.replace(/\.ts$/, '.js')
  if (!compiled.endsWith('.test.js'))
    throw new NoSuchTest(`${name} is no test file (….test.ts), and no folder that holds some`)
  if (!existsSync(packageFile(join('dist', compiled)))) throw new NoSuchTest(`there is no ${sourceOf(compiled)}`)
  return [compiled]
}

/** Compiled tests of the suite below a folder, whose source is still there: the compiler removes nothing from dist/. */
function below(folder: string): string[] {
  const start = packageFile(join('dist', folder))
  if (!existsSync(start)) return []
  return readdirSync(start, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.js'))
    .map((path) => join(folder, path))
    .filter(inSuite)
    .filter((path) => existsSync(packageFile(sourceOf(path))))
}

/** What takes much longer has a folder, and a target of make, of its own. Of analysts' clients those are run that are installed. */
function inSuite(file: string): boolean {
  return basename(dirname(file)) === 'test' || (isClient(file) && isInstalled(basename(file, '.test.js')))
}

function isClient(file: string): boolean {
  return dirname(file) === 'test/clients'
}

function rank(file: string): number {
  const place = LONGEST.indexOf(sourceOf(file))
  if (place !== -1) return place
  return LONGEST.length + (isClient(file) ? 0 : 1)
}
