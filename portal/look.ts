import { contrastProblems } from './contrast.ts'
import type { LoginMethodName } from '../access/login-methods.ts'
import { wildcard } from '../common/wildcard.ts'
import type { Answer } from '../ingest/http.ts'
import { Pages, type Page, type PageMaker, type Template } from './pages.ts'
import { loadLanguages, type Languages, type Texts } from './texts.ts'

/* How the portal looks at some gateways (GATEPOST_PORTAL_LOOKS): a hotel, a library and a fair may share an installation. */

export interface Look {
  readonly name: string
  /** Pattern of gw_id. */
  readonly gateways: string
  /** Its templates, texts and logo; what is missing there is as elsewhere. Null: none of its own. */
  readonly directory: string | null
  /** Texts of all languages. */
  readonly texts: Readonly<Record<string, string>>
  /** Custom properties of the style sheet, such as accent. */
  readonly colours: Readonly<Record<string, string>>
  readonly darkColours: Readonly<Record<string, string>>
  /** Null: all that the portal has. */
  readonly methods: readonly LoginMethodName[] | null
  /** Null: the portal's. */
  readonly termsVersion: string | null
}

/** Where no look applies. */
const USUAL = ''

interface OpenLook {
  readonly look: Look
  readonly matches: (gwId: string) => boolean
  readonly languages: Languages
}

/** All looks, and the pages in each of them. */
export class Looks implements PageMaker {
  readonly #looks: readonly OpenLook[]
  readonly #languages: Languages
  readonly #pages: ReadonlyMap<string, Pages>

  /** @throws GatepostError CONFIG_INVALID naming the file that cannot be used */
  constructor(directory: string | null, looks: readonly Look[]) {
    const usual = directory === null ? [] : [directory]
    this.#languages = loadLanguages(usual, { look: USUAL, texts: {} })
    this.#looks = looks.map((look) => ({
      look,
      matches: wildcard(look.gateways),
      languages: loadLanguages(directoriesOf(usual, look), { look: look.name, texts: look.texts }),
    }))
    this.#pages = new Map([
      [USUAL, new Pages(usual)],
      ...looks.map((look) => [look.name, new Pages(directoriesOf(usual, look), coloursOf(look))] as const),
    ])
  }

  /** @param gwId empty: not known */
  languages(gwId: string): Languages {
    return this.#of(gwId)?.languages ?? this.#languages
  }

  /** Methods that may be used at a gateway; null: all. */
  methods(gwId: string): readonly LoginMethodName[] | null {
    return this.#of(gwId)?.look.methods ?? null
  }

  termsVersion(gwId: string): string | null {
    return this.#of(gwId)?.look.termsVersion ?? null
  }

  /** What is hard to read in the colours of each look, for a warning. */
  contrastProblems(): string[] {
    return [...this.#pages].flatMap(([name, { css }]) =>
      contrastProblems(css).map((problem) => (name === USUAL ? problem : `look ${name}: ${problem}`)),
    )
  }

  /** Texts say which look they are of. */
  answer(template: Template, texts: Texts, page: Page): Answer {
    const pages = this.#pages.get(texts.look) as Pages
    return pages.answer(template, texts, page)
  }

  #of(gwId: string): OpenLook | undefined {
    return gwId === '' ? undefined : this.#looks.find(({ matches }) => matches(gwId))
  }
}

function directoriesOf(usual: readonly string[], { directory }: Look): string[] {
  return [...usual, ...(directory === null ? [] : [directory])]
}

/** PRECONDITION: names and values were checked. */
function coloursOf({ colours, darkColours }: Look): string {
  const block = (scheme: string, properties: Readonly<Record<string, string>>) => {
    const lines = Object.entries(properties).map(([name, value]) => `--${name}: ${value};`)
    return lines.length === 0 ? '' : `\n@media (prefers-color-scheme: ${scheme}) { :root { ${lines.join(' ')} } }`
  }
  return block('light', colours) + block('dark', darkColours)
}
