import { MAX_SUBJECTS, type AccessEntry } from './log.ts'

/*
 * What a log of access decisions says, read from its beginning. Two kinds of records:
 *
 *   <subject>             the last one counts; none forgets it
 *   <subject>#<random>    a claim: of those that were written while none was in force the first one counts, unless there is a record
 *                         of the first kind. Each has a key of its own, so that a compacted log keeps the first.
 */

interface Claim {
  readonly key: string
  readonly entry: AccessEntry
}

const CLAIM = /^(.*)#[0-9a-f]{16}$/s

/** The subject of a record's key. */
export function subjectOf(key: string): string {
  return CLAIM.exec(key)?.[1] ?? key
}

/** The log as it has been read so far. */
export class AccessTable {
  readonly #entries = new Map<string, AccessEntry>()
  readonly #claims = new Map<string, Claim[]>()

  /** Subjects, and claims to them. */
  get size(): number {
    return this.#entries.size + this.#claims.size
  }

  get full(): boolean {
    return this.size > MAX_SUBJECTS
  }

  /** One record of the log, in its order. Null: the record is taken back. */
  apply(key: string, entry: AccessEntry | null): void {
    const subject = subjectOf(key)
    if (subject !== key) this.#applyClaim(subject, key, entry)
    else if (entry === null) this.#entries.delete(key)
    else this.#entries.set(key, entry)
  }

  #applyClaim(subject: string, key: string, entry: AccessEntry | null): void {
    const claims = (this.#claims.get(subject) ?? []).filter((claim) => claim.key !== key)
    if (entry !== null) claims.push({ key, entry })
    if (claims.length === 0) this.#claims.delete(subject)
    else this.#claims.set(subject, claims)
  }

  /** What is in force at `now` (ms since the epoch). */
  get(subject: string, now: number): AccessEntry | undefined {
    const entry = this.#entries.get(subject) ?? this.#winner(subject)
    return entry === undefined || isOver(entry, now) ? undefined : entry
  }

  /** The first claim; a later one once that had ended when it was written. */
  #winner(subject: string): AccessEntry | undefined {
    let winner: AccessEntry | undefined
    for (const { entry } of this.#claims.get(subject) ?? []) {
      if (winner === undefined || isOver(winner, entry.updatedAt)) winner = entry
    }
    return winner
  }

  /** Every subject that begins with `prefix`, with what is in force of it. */
  *entries(prefix: string, now: number): Generator<[string, AccessEntry]> {
    for (const subjects of [this.#entries, this.#claims]) {
      for (const subject of subjects.keys()) {
        if (!subject.startsWith(prefix) || (subjects === this.#claims && this.#entries.has(subject))) continue
        const entry = this.get(subject, now)
        if (entry !== undefined) yield [subject, entry]
      }
    }
  }

  /** Keys of the records of a subject: what must be taken back to forget it, also what was written and has not been read yet. */
  keysOf(subject: string): string[] {
    return [subject, ...(this.#claims.get(subject) ?? []).map(({ key }) => key)]
  }

  /** Every record that is worth keeping at `now`, in an order that says the same. */
  *records(now: number): Generator<[string, AccessEntry]> {
    for (const [key, entry] of this.#entries) if (!isOver(entry, now)) yield [key, entry]
    for (const claims of this.#claims.values()) {
      for (const { key, entry } of claims) if (!isOver(entry, now)) yield [key, entry]
    }
  }

  *subjects(): Generator<string> {
    yield* this.#entries.keys()
    yield* this.#claims.keys()
  }

  /** Keys of records that have ended before `time`. */
  *endedBefore(time: number): Generator<string> {
    for (const [key, entry] of this.#entries) if (isOver(entry, time)) yield key
    for (const claims of this.#claims.values()) {
      for (const { key, entry } of claims) if (isOver(entry, time)) yield key
    }
  }
}

function isOver({ until }: AccessEntry, now: number): boolean {
  return until !== null && until <= now
}
