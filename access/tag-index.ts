import type { AccessEntry, AccessLog } from './log.ts'
import type { SubjectKind } from './subject-kind.ts'

/**
 * Finds the decision about an account or a gateway by the keyed tag in a token. Holds a tag for every subject of its kind that the log has
 * ever named, so it is bounded as the log is.
 */
export class TagIndex {
  readonly #access: AccessLog
  readonly #subjects = new Map<number, string[]>()

  constructor(access: AccessLog, kind: SubjectKind<string, object>, tagsOf: (name: string) => readonly number[]) {
    this.#access = access
    access.watch((subject) => {
      const name = kind.nameOf(subject)
      if (name === null) return
      for (const tag of tagsOf(name)) {
        const subjects = this.#subjects.get(tag)
        if (subjects === undefined) this.#subjects.set(tag, [subject])
        else if (!subjects.includes(subject)) subjects.push(subject)
      }
    })
  }

  /** The entry in force. If two subjects share a tag, which is rare, a denial wins. */
  get(tag: number, now: number): AccessEntry | undefined {
    let found: AccessEntry | undefined
    for (const subject of this.#subjects.get(tag) ?? []) {
      const entry = this.#access.get(subject, now)
      if (entry !== undefined && found?.verdict !== 'deny') found = entry
    }
    return found
  }
}
