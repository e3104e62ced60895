import { MAX_SUBJECTS, type AccessEntry } from './log.ts'

/*
 * The state of the access log, built by applying its records in order. Two kinds of records:
 *
 *  <subject>             the last one wins; null deletes it
 *  <subject>#<random>    a claim: among claims written while no other was in force, the first one wins, unless there is a record of the
 *                        first kind. Each claim has its own key, so that compaction keeps the first one.
 */

interface Claim {
  readonly key: string
  readonly entry: AccessEntry
}

const CLAIM = /^(.*)#[0-9a-f]{16}$/s

/** The subject that a record key belongs to. */
export function subjectOf(key: string): string {
  return CLAIM.exec(key)?.[1] ?? key
}

/** The log as read so far. */
export class AccessTable {
  readonly #entries = new Map<string, AccessEntry>()
  readonly #claims = new Map<string, Claim[]>()

  /** Number of subjects and claims. */
  get size(): number {
    return this.#entries.size + this.#claims.size
  }

  get full(): boolean {
    return this.size > MAX_SUBJECTS
  }

  /** Applies the next record. Null deletes the record with this key. */
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

  /** The entry in force at `now` (ms since the epoch). */
  get(subject: string, now: number): AccessEntry | undefined {
    const entry = this.#entries.get(subject) ?? this.#winner(subject)
    return entry === undefined || isOver(entry, now) ? undefined : entry
  }

  /** The winning claim: the first one, or a later one that was written after the first had ended. */
  #winner(subject: string): AccessEntry | undefined {
    let winner: AccessEntry | undefined
    for (const { entry } of this.#claims.get(subject) ?? []) {
      if (winner === undefined || isOver(winner, entry.updatedAt)) winner = entry
    }
    return winner
  }

  /** All subjects that begin with `prefix`, with their entries in force. */
  *entries(prefix: string, now: number): Generator<[string, AccessEntry]> {
    for (const subjects of [this.#entries, this.#claims]) {
      for (const subject of subjects.keys()) {
        if (!subject.startsWith(prefix) || (subjects === this.#claims && this.#entries.has(subject))) continue
        const entry = this.get(subject, now)
        if (entry !== undefined) yield [subject, entry]
      }
    }
  }

  /** All record keys of a subject: delete them all to forget it. Includes records that were written and not read back yet. */
  keysOf(subject: string): string[] {
    return [subject, ...(this.#claims.get(subject) ?? []).map(({ key }) => key)]
  }

  /** All records worth keeping at `now`, in an order that rebuilds the same state. */
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

  /** Keys of records that ended before `time`. */
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
