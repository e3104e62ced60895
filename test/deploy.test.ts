import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import t from 'tap'
import { packageFile } from '../common/package-root.ts'

/* deploy/README.md says of each file which test checks it. */

const rows = readFileSync(packageFile('deploy/README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [, names = '', , check = ''] = line.split('|')
    const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
    return { check, patterns: quoted(names), tests: quoted(check).filter((name) => name.endsWith('.test.ts')) }
  })
const files = readdirSync(packageFile('deploy'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== 'README.md')
  .map((entry) => `${entry.parentPath}/${entry.name}`.slice(packageFile('deploy').length + 1))

/** A `*` stands for any name. */
const isFor = (pattern: string, file: string) =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}$`).test(file)

t.test('every file is in one row', (t) => {
  const patterns = rows.flatMap((row) => row.patterns)
  t.ok(files.length > 40)
  for (const file of files) t.equal(patterns.filter((pattern) => isFor(pattern, file)).length, 1, file)
  for (const pattern of patterns)
    t.ok(
      files.some((file) => isFor(pattern, file)),
      pattern,
    )
  t.end()
})

t.test('every row names tests that read its folder, or says that it was tried by hand', (t) => {
  for (const { patterns, tests, check } of rows) {
    const folders = new Set(patterns.map((pattern) => pattern.split('/')[0]))
    t.ok(tests.length > 0 || check.includes('[by hand]'), check)
    for (const test of tests) {
      const exists = existsSync(packageFile(test))
      t.ok(exists, test)
      if (!exists) continue
      const text = readFileSync(packageFile(test), 'utf8')
      for (const folder of folders) t.match(text, `deploy/${folder}`, `${basename(test)} reads ${folder}`)
    }
  }
  t.end()
})
