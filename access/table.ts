import { ENDED_KEPT_MS, MAX_FLEETING, MAX_SUBJECTS, type AccessEntry } from './log.ts'
import { OldestFirstMap } from './oldest-first.ts'
import { isFleeting } from './subjects.ts'

/*
 * The state of the access log, built by applying its records in order. Two kinds of records:
 *
 *  <subject>             the last one wins; null deletes it
 *  <subject>#<random>    a claim: among claims written while no other was in force, the first one wins, unless there is a record of the
 *                        first kind. Each claim has its own key, so that compaction keeps the first one.
 *
 * What anybody on the guest Wi-Fi can make (isFleeting) is held apart, in bounded maps that forget the oldest: however much of it there is,
 * decisions of operators, vouchers and accounts stay.
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
  readonly #fleeting: OldestFirstMap<AccessEntry>
  readonly #fleetingClaims: OldestFirstMap<Claim[]>

  /** @param maxFleeting how many entries, and how many claimed subjects, are held of what anybody can make */
  constructor(maxFleeting = MAX_FLEETING) {
    this.#fleeting = new OldestFirstMap(maxFleeting)
    this.#fleetingClaims = new OldestFirstMap(maxFleeting)
  }

  /** Number of subjects and claims. */
  get size(): number {
    return this.#entries.size + this.#claims.size + this.#fleeting.size + this.#fleetingClaims.size
  }

  get full(): boolean {
    return this.#entries.size + this.#claims.size > MAX_SUBJECTS
  }

  /** Subjects that were forgotten since newer ones took their place. */
  get displaced(): number {
    return this.#fleeting.displaced + this.#fleetingClaims.displaced
  }

  /** Applies the next record. Null deletes the record with this key. */
  apply(key: string, entry: AccessEntry | null): void {
    const subject = subjectOf(key)
    if (subject !== key) return this.#applyClaim(subject, key, entry)
    const isOfFleeting = entry !== null && isFleeting(key, entry)
    // An operator may decide about a session that has ended, and the other way round.
    if (!isOfFleeting) this.#fleeting.delete(key)
    if (isOfFleeting || entry === null) this.#entries.delete(key)
    if (entry !== null) (isOfFleeting ? this.#fleeting : this.#entries).set(key, entry)
  }

  #applyClaim(subject: string, key: string, entry: AccessEntry | null): void {
    const held = isFleeting(subject, null) ? this.#fleetingClaims : this.#claims
    const claims = (held.get(subject) ?? []).filter((claim) => claim.key !== key)
    if (entry !== null) claims.push({ key, entry })
    if (claims.length === 0) held.delete(subject)
    else held.set(subject, claims)
  }

  /** The entry in force at `now` (ms since the epoch). */
  get(subject: string, now: number): AccessEntry | undefined {
    const written = this.#entries.get(subject) ?? this.#fleeting.get(subject)
    // A record that has ended decides nothing any more, so a later claim counts.
    const entry = written === undefined || isOver(written, now) ? this.#winner(subject) : written
    return entry === undefined || isOver(entry, now) ? undefined : entry
  }

  /** The winning claim: the first one, or a later one that was written after the first had ended. */
  #winner(subject: string): AccessEntry | undefined {
    let winner: AccessEntry | undefined
    for (const { entry } of this.#claimsOf(subject)) {
      if (winner === undefined || isOver(winner, entry.updatedAt)) winner = entry
    }
    return winner
  }

  #claimsOf(subject: string): readonly Claim[] {
    return this.#claims.get(subject) ?? this.#fleetingClaims.get(subject) ?? []
  }

  /** All subjects that begin with `prefix`, with their entries in force. */
  *entries(prefix: string, now: number): Generator<[string, AccessEntry]> {
    for (const [subject, isClaim] of this.#named()) {
      if (!subject.startsWith(prefix) || (isClaim && this.#isDecided(subject))) continue
      const entry = this.get(subject, now)
      if (entry !== undefined) yield [subject, entry]
    }
  }

  #isDecided(subject: string): boolean {
    return this.#entries.has(subject) || this.#fleeting.get(subject) !== undefined
  }

  /** Subjects of both kinds of records; one that has both comes twice. */
  *#named(): Generator<[subject: string, isClaim: boolean]> {
    for (const held of [this.#entries, this.#fleeting]) for (const subject of held.keys()) yield [subject, false]
    for (const held of [this.#claims, this.#fleetingClaims]) for (const subject of held.keys()) yield [subject, true]
  }

  /** Every record, by key. */
  *#all(): Generator<[string, AccessEntry]> {
    yield* this.#entries
    yield* this.#fleeting
    for (const held of [this.#claims, this.#fleetingClaims])
      for (const claims of held.values()) for (const { key, entry } of claims) yield [key, entry]
  }

  /** All record keys of a subject: delete them all to forget it. Includes records that were written and not read back yet. */
  keysOf(subject: string): string[] {
    return [subject, ...this.#claimsOf(subject).map(({ key }) => key)]
  }

  /** All records worth keeping at `now`, in an order that rebuilds the same state. Denials stay for a while after their end. */
  *records(now: number): Generator<[string, AccessEntry]> {
    for (const [key, entry] of this.#all()) {
      const isKept = !isOver(entry, entry.verdict === 'deny' ? now - ENDED_KEPT_MS : now)
      if (isKept) yield [key, entry]
    }
  }

  *subjects(): Generator<string> {
    for (const [subject] of this.#named()) yield subject
  }

  /** Keys of records that ended before `time`. */
  *endedBefore(time: number): Generator<string> {
    for (const [key, entry] of this.#all()) if (isOver(entry, time)) yield key
  }
}

function isOver({ until }: AccessEntry, now: number): boolean {
  return until !== null && until <= now
}
