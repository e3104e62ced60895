import { Eta } from 'eta'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatepostError, messageOf } from '../common/errors.ts'
import { packageFile } from '../common/package-root.ts'
import { makeAnswer, type Answer } from '../ingest/http.ts'
import type { Route } from '../ingest/routes/router.ts'
import type { Texts } from './texts.ts'

/** Templates of pages; all of them are embedded in the one called layout. */
export const TEMPLATES = ['layout', 'login', 'signup', 'portal', 'message'] as const
export type Template = (typeof TEMPLATES)[number]

/** The logo is embedded in every page, so a larger one would slow all of them down. */
const LOGO_MAX_BYTES = 64 * 1024
const LOGOS = [
  ['logo.svg', 'image/svg+xml'],
  ['logo.png', 'image/png'],
] as const

/** A page to render. */
export interface Page {
  readonly route: Route
  readonly code: number
  readonly title: string
  /** Template variables, besides t, lang, title, css and logo. */
  readonly data: Readonly<Record<string, unknown>>
  /** A Set-Cookie header. */
  readonly cookie?: string | undefined
  /** The origin that submitting the page's form may redirect to, besides this server. */
  readonly formTarget?: string | undefined
  /** When to try again (Retry-After), ms from now. */
  readonly retryAfterMs?: number | undefined
}

/** Headers of every answer of the portal, besides its Content-Security-Policy. Some pages have the token in their URL. */
export const SAFE_HEADERS: readonly (readonly [string, string])[] = [
  ['Cache-Control', 'no-store'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
]

/** What answers with pages. */
export interface PageMaker {
  answer(template: Template, texts: Texts, page: Page): Answer
}

/** Renders the portal's pages: Eta templates with automatic escaping, without scripts and without external resources. */
export class Pages implements PageMaker {
  readonly #eta = new Eta({ autoEscape: true, autoTrim: false, cache: true })
  readonly css: string
  readonly #styleSource: string
  readonly #logo: string

  /**
   * @param directories the operator's: a later one replaces files of an earlier one
   * @param css rules after those of the style sheet
   * @throws GatepostError CONFIG_INVALID naming the file that cannot be used
   */
  constructor(directories: readonly string[], css = '') {
    for (const name of TEMPLATES) {
      const path = pathOf(directories, `${name}.eta`)
      try {
        this.#eta.loadTemplate(`@${name}`, this.#eta.compile(readFileSync(path, 'utf8')))
      } catch (error) {
        throw unusable(path, messageOf(error))
      }
    }
    const path = pathOf(directories, 'style.css')
    this.css = readFileSync(path, 'utf8') + css
    if (/<\/style/i.test(this.css)) throw unusable(path, 'it may not hold </style')
    this.#styleSource = `'sha256-${createHash('sha256').update(this.css).digest('base64')}'`
    this.#logo = directories.map(readLogo).findLast((logo) => logo !== '') ?? ''
  }

  answer(template: Template, texts: Texts, page: Page): Answer {
    const body = this.#eta.render(`@${template}`, {
      ...page.data,
      t: (key: string, parameters?: Record<string, string | number>) => texts.text(key, parameters),
      lang: texts.language,
      title: page.title,
      css: this.css,
      logo: this.#logo,
    })
    const headers = [...SAFE_HEADERS, ['Content-Security-Policy', this.#policy(page.formTarget)]] as [string, string][]
    headers.push(['Content-Language', texts.language])
    if (page.retryAfterMs !== undefined) headers.push(['Retry-After', String(Math.ceil(page.retryAfterMs / 1000))])
    if (page.cookie !== undefined) headers.push(['Set-Cookie', page.cookie])
    return makeAnswer(page.route, page.code, body, { contentType: 'text/html; charset=utf-8', headers })
  }

  /** Browsers apply form-action to redirects too, so the policy must name the gateway if a form leads there. */
  #policy(formTarget: string | undefined): string {
    return [
      "default-src 'none'",
      `style-src ${this.#styleSource}`,
      'img-src data:',
      `form-action 'self'${formTarget === undefined ? '' : ` ${formTarget}`}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; ')
  }
}

/** The operator's file if it exists, else the built-in one. */
function pathOf(directories: readonly string[], name: string): string {
  const own = directories.map((directory) => join(directory, 'templates', name)).findLast((path) => existsSync(path))
  return own ?? packageFile(`portal/templates/${name}`)
}

function readLogo(directory: string): string {
  for (const [name, type] of LOGOS) {
    const path = join(directory, name)
    if (!existsSync(path)) continue
    const bytes = readFileSync(path)
    if (bytes.length > LOGO_MAX_BYTES) throw unusable(path, `it has more than ${LOGO_MAX_BYTES} bytes`)
    return `data:${type};base64,${bytes.toString('base64')}`
  }
  return ''
}

function unusable(path: string, why: string): GatepostError {
  return new GatepostError('CONFIG_INVALID', `files of the portal: ${path} cannot be used: ${why}`)
}
