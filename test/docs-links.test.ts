import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { packageFile } from '../common/package-root.ts'

/* Every link of the documentation to a file, and to a heading of one, leads somewhere; and the index has every page. */

const PAGES = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'CODE_OF_CONDUCT.md', 'SECURITY.md'],
  ...below('docs'),
  ...below('deploy'),
]

function below(folder: string): string[] {
  return readdirSync(packageFile(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`)
}

function textOf(page: string): string {
  return readFileSync(packageFile(page), 'utf8')
}

/** Without code, in which brackets are no links. */
function proseOf(page: string): string {
  return textOf(page)
    .replace(/^```[^]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, '')
}

/** As GitHub makes them: `## TLS, and more` is #tls-and-more. */
function anchorsOf(page: string): Set<string> {
  const headings = textOf(page)
    .replace(/^```[^]*?^```/gm, '')
    .matchAll(/^#+ (.*)$/gm)
  return new Set(
    [...headings].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  )
}

t.test('links lead to files and headings that are there', (t) => {
  let links = 0
  for (const page of PAGES) {
    for (const [, target = ''] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      links++
      const [path, anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path ?? '')
      const exists = existsSync(packageFile(file))
      t.ok(exists, `${page}: ${target}`)
      if (exists && anchor !== undefined) t.ok(anchorsOf(file).has(anchor), `${page}: ${target} has that heading`)
    }
  }
  t.ok(links > 150, `${links} links`)
  t.end()
})

t.test('the index has every page', (t) => {
  const index = textOf('docs/README.md')
  for (const name of readdirSync(packageFile('docs')).filter((name) => name.endsWith('.md') && name !== 'README.md'))
    t.ok(index.includes(`(${name})`), name)
  t.end()
})
