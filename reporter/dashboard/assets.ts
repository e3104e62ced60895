import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { packageFile } from '../../common/package-root.ts'

export interface Asset {
  readonly type: string
  readonly body: string
}

const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' } as const

/** Every file that the pages load, by its path below /assets/; read once, a few hundred kilobytes. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const web = packageFile('reporter/dashboard/web')
  const names = readdirSync(web, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  const own = names.flatMap((name): [string, Asset][] => {
    const [, ending = ''] = /\.(\w+)$/.exec(name) ?? []
    const type = TYPES[ending as keyof typeof TYPES] as string | undefined
    return type === undefined ? [] : [[name, { type, body: readFileSync(join(web, name), 'utf8') }]]
  })
  const { resolve } = createRequire(import.meta.url)
  const uplot = (file: string) => readFileSync(resolve(`uplot/dist/${file}`), 'utf8')
  return new Map([
    ...own,
    ['uplot.js', { type: TYPES.js, body: uplot('uPlot.iife.min.js') }],
    ['uplot.css', { type: TYPES.css, body: uplot('uPlot.min.css') }],
  ])
}

/** The single HTML document for every page; its script renders the content. */
export function loadShell(): string {
  return readFileSync(packageFile('reporter/dashboard/web/shell.html'), 'utf8')
}
