import { readdirSync, readFileSync } from 'node:fs'
import { packageFile } from '../../common/package-root.ts'

function pagesOf(folder: string): string[] {
  return readdirSync(packageFile(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('decisions/'))
    .map((name) => `${folder}/${name}`)
}

/** Where commands stand that a reader may copy. */
export const DOCUMENTED_PAGES = ['README.md', ...pagesOf('docs'), ...pagesOf('deploy')]

/** The command lines of a page's code blocks, with their variables in front and without the comments behind them. */
export function commandsIn(page: string): string[] {
  const text = readFileSync(packageFile(page), 'utf8')
  return [...text.matchAll(/^\s*(?:\$ )?((?:[A-Z_]+=\S+ )*(?:bin\/)?gatepost [^\n]*)$/gm)].map(([, line = '']) =>
    line.replace(/\s+#\s.*$/, '').trim(),
  )
}
