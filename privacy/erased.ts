import { createHmac } from 'node:crypto'
import { storedUserName, type UserNameRule } from '../common/user-name.ts'
import { decodeRecord } from '../schemas/record.ts'
import type { Batch } from '../schemas/batch.ts'
import { descriptorOf, type Stream } from '../schemas/streams/index.ts'
import type { Store } from '../store/contract.ts'
import { userNameRule } from '../store/user-names.ts'
import { recordSpans } from '../schemas/record-spans.ts'

/** A user name, a device, or the name of the credential with which records were sent. */
export type SubjectKind = 'user' | 'mac' | 'writer'

/** The stored form of an erased subject: it can be recognised, but not reversed. 64 hexadecimal digits. */
export function subjectHash(secret: string, kind: SubjectKind, value: string): string {
  return createHmac('sha256', secret).update(`${kind}:${value}`).digest('hex')
}

/** A subject in table erased_subjects: its hash, and when it was erased, ms since the epoch. */
export interface ErasedHash {
  readonly hash: string
  readonly ms: string | number
}

/** Candidates for names in a text, such as the payload of a dead letter: MACs, and other words. */
const WORDS = /[0-9A-Za-z]{2}(?:[:.-]?[0-9A-Za-z]{2}){5}|[^\s"&=,:{}[\]]+/g

/** The people who were forgotten on request (table erased_subjects). */
export class ErasedSubjects {
  /** Two during a rotation of the secret. */
  readonly #keys: readonly string[]
  readonly #rule: UserNameRule
  /** When each was erased, ms since the epoch: later records of theirs are a new visit, and kept. */
  readonly #erasedAt: ReadonlyMap<string, number>
  /** When the latest was erased, ms since the epoch; -Infinity: none. */
  readonly newest: number

  /** @param rule by which user names are stored */
  constructor(hashes: readonly ErasedHash[], keys: readonly string[], rule: UserNameRule) {
    const erasedAt = new Map(hashes.map(({ hash, ms }) => [hash, Number(ms)]))
    this.#keys = keys
    this.#rule = rule
    this.#erasedAt = erasedAt
    this.newest = [...erasedAt.values()].reduce((newest, at) => Math.max(newest, at), -Infinity)
  }

  /** Loads the current erased subjects. `keys` returns the token keys that they may be hashed with; called only if there are any. */
  static async load(store: Pick<Store, 'query'>, keys: () => readonly string[]): Promise<ErasedSubjects> {
    const rows = await store.query<ErasedHash>(
      'SELECT e.hash AS hash, toUnixTimestamp64Milli(max(e.erased_at)) AS ms FROM gatepost.erased_subjects AS e GROUP BY e.hash',
    )
    if (rows.length === 0) return NOBODY
    return new ErasedSubjects(rows, keys(), await userNameRule(store))
  }

  /**
   * The batch without records of erased subjects from before their erasure; null: nothing is left. Returns the same object if it contains
   * none.
   * A batch that is younger than the latest erasure is not decoded.
   */
  without(batch: Batch): Batch | null {
    if (batch.minReceivedAt > this.newest) return batch
    const { offsets } = recordSpans(batch.schema, batch.records, batch.recordCount)
    const kept: Uint8Array[] = []
    for (let index = 0; index + 1 < offsets.length; index++) {
      const bytes = batch.records.subarray(offsets[index], offsets[index + 1])
      const record = decodeRecord(batch.schema, bytes)
      if (!this.concerns(batch.stream, record)) kept.push(bytes)
    }
    const dropped = offsets.length - 1 - kept.length
    if (dropped === 0) return batch
    if (dropped === batch.recordCount) return null
    // Undecodable bytes are kept: they become a dead letter.
    kept.push(batch.records.subarray(offsets[offsets.length - 1]))
    return { ...batch, recordCount: batch.recordCount - dropped, records: Buffer.concat(kept) }
  }

  /** Whether a record names a subject that was erased later. Its `received_at` is in ms since the epoch. */
  concerns(stream: Stream, record: Readonly<Record<string, unknown>>): boolean {
    const receivedAt = Number(record['received_at'])
    return descriptorOf(stream).fields.some(({ name, holds }) => {
      const value = record[name]
      if (holds === null || typeof value !== 'string' || value === '') return false
      return holds === 'text' ? this.#isNamedIn(value, receivedAt) : this.#has(holds, value, receivedAt)
    })
  }

  /** Checks every word of a free text. */
  #isNamedIn(text: string, receivedAt: number): boolean {
    for (const [word] of text.matchAll(WORDS)) {
      const digits = word.replace(/[:.-]/g, '').toUpperCase()
      if (/^[0-9A-F]{12}$/.test(digits) && this.#has('mac', digits.match(/../g)?.join('-') ?? '', receivedAt))
        return true
      if (this.#has('user', word, receivedAt)) return true
      if (this.#has('user', storedUserName(word, this.#rule), receivedAt)) return true
    }
    return false
  }

  #has(kind: SubjectKind, value: string, receivedAt: number): boolean {
    return this.#keys.some((key) => {
      const erasedAt = this.#erasedAt.get(subjectHash(key, kind, value))
      return erasedAt !== undefined && receivedAt <= erasedAt
    })
  }
}

const NOBODY = new ErasedSubjects([], [], 'as-sent')
