import Negotiator from 'negotiator'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatepostError, messageOf } from '../common/errors.ts'
import { packageFile } from '../common/package-root.ts'

/*
 * The portal's texts: one JSON object per language, key → text with {placeholders}. Files of the same name in the operator's directory
 * replace single texts; a new file adds a language (missing keys fall back to English).
 */

export type TextKey = string
export type Parameters = Readonly<Record<string, string | number>>

/** The texts of one language. */
export class Texts {
  /** A language tag (BCP 47). */
  readonly language: string
  /** The look that they are of; empty: the usual one. */
  readonly look: string
  readonly #texts: ReadonlyMap<TextKey, string>

  constructor(language: string, look: string, texts: ReadonlyMap<TextKey, string>) {
    this.language = language
    this.look = look
    this.#texts = texts
  }

  /** Plain text: the template must escape it, including the parameters. */
  text(key: TextKey, parameters: Parameters = {}): string {
    const text = this.#texts.get(key) ?? key
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole))
  }

  /** The reason of a denial: Gatepost's own reasons are keys of texts, those of operators are shown as they are. */
  reason(reason: string): string {
    return this.#texts.get(`reason.${reason.split(':')[0]}`) ?? reason
  }

  /** A remaining time in its two largest units: "1 hour, 5 minutes". Less than a minute counts as a minute. */
  duration(milliseconds: number): string {
    const minutes = Math.max(1, Math.floor(milliseconds / 60_000))
    const parts = [
      ['day', Math.floor(minutes / 1440)],
      ['hour', Math.floor(minutes / 60) % 24],
      ['minute', minutes % 60],
    ] as const
    const first = parts.findIndex(([, count]) => count > 0)
    const shown = parts
      .slice(first, first + 2)
      .filter(([, count]) => count > 0)
      .map(([unit, count]) =>
        new Intl.NumberFormat(this.language, { style: 'unit', unit, unitDisplay: 'long' }).format(count),
      )
    return new Intl.ListFormat(this.language, { type: 'unit', style: 'long' }).format(shown)
  }

  /** An amount of data in the unit of data plans: "1.5 GB". Less than a megabyte counts as 1 MB. */
  amount(bytes: number): string {
    const [unit, size] = bytes >= 1e9 ? (['gigabyte', 1e9] as const) : (['megabyte', 1e6] as const)
    const value = Math.max(1e6, bytes) / size
    return new Intl.NumberFormat(this.language, { style: 'unit', unit, maximumFractionDigits: 1 }).format(value)
  }
}

const DEFAULT_LANGUAGE = 'en'

/** All languages. */
export class Languages {
  readonly #byTag: ReadonlyMap<string, Texts>
  readonly #tags: readonly string[]

  constructor(all: readonly Texts[]) {
    this.#byTag = new Map(all.map((texts) => [texts.language, texts]))
    // English first: a browser that accepts any language gets it.
    const others = all.map(({ language }) => language).filter((tag) => tag !== DEFAULT_LANGUAGE)
    this.#tags = [DEFAULT_LANGUAGE, ...others]
  }

  get tags(): readonly string[] {
    return this.#tags
  }

  /** Chooses by the header Accept-Language (RFC 9110, 12.5.4); English if no language matches. */
  choose(acceptLanguage: string): Texts {
    const headers = acceptLanguage === '' ? {} : { 'accept-language': acceptLanguage.slice(0, 500) }
    const tag = new Negotiator({ headers }).language([...this.#tags]) ?? DEFAULT_LANGUAGE
    return this.#byTag.get(tag) as Texts
  }
}

/** What is said differently in one look. */
export interface LookTexts {
  readonly look: string
  /** Of all languages; texts of a language in a directory of the look count before them. */
  readonly texts: Readonly<Record<TextKey, string>>
}

const USUAL: LookTexts = { look: '', texts: {} }

/**
 * The built-in languages, with the changes in the operator's directories, of which a later one counts before an earlier one.
 * @throws GatepostError CONFIG_INVALID naming the file that cannot be used
 */
export function loadLanguages(directories: readonly string[], { look, texts }: LookTexts = USUAL): Languages {
  const builtIn = readTexts(packageFile('portal/texts'))
  const english = builtIn.get(DEFAULT_LANGUAGE) as Map<string, string>
  const own = directories.map((directory) => readOwnTexts(join(directory, 'texts'), english))
  for (const key of Object.keys(texts))
    if (!english.has(key)) throw unusable(`the texts of look ${look}`, `no text is called ${key}`)
  const tags = new Set([builtIn, ...own].flatMap((languages) => [...languages.keys()]))
  return new Languages(
    [...tags].map((tag) => {
      const changes = own.map((languages) => [...(languages.get(tag) ?? [])])
      const latest = changes.pop() ?? []
      const general = [...changes.flat(), ...Object.entries(texts)]
      return new Texts(tag, look, new Map([...english, ...(builtIn.get(tag) ?? []), ...general, ...latest]))
    }),
  )
}

function readOwnTexts(directory: string, english: ReadonlyMap<string, string>): Map<string, Map<string, string>> {
  const languages = readTexts(directory)
  for (const [tag, changes] of languages)
    for (const key of changes.keys())
      if (!english.has(key)) throw unusable(join(directory, `${tag}.json`), `no text is called ${key}`)
  return languages
}

function readTexts(directory: string): Map<string, Map<string, string>> {
  const languages = new Map<string, Map<string, string>>()
  if (!existsSync(directory)) return languages
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name)
    const tag = /^([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.json$/.exec(name)?.[1]
    if (tag === undefined) throw unusable(path, 'its name is not that of a language, such as nl.json')
    languages.set(tag, readLanguage(path))
  }
  return languages
}

function readLanguage(path: string): Map<string, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw unusable(path, messageOf(error))
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw unusable(path, 'not a JSON object')
  const texts = new Map<string, string>()
  for (const [key, text] of Object.entries(parsed)) {
    if (typeof text !== 'string') throw unusable(path, `${key} is not a text`)
    texts.set(key, text)
  }
  return texts
}

function unusable(path: string, why: string): GatepostError {
  return new GatepostError('CONFIG_INVALID', `files of the portal: ${path} cannot be used: ${why}`)
}
