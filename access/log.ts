/**
 * Access decisions as a log: subject → verdict, the last one of a subject counts. Small, kept for ever (compacted), and read as a whole by
 * everybody who decides. subjects.ts has every kind of subject, and what its entries hold in `data`.
 */

/** What was decided about a subject. */
export interface AccessEntry {
  readonly verdict: 'allow' | 'deny' | 'validation'
  /** In words, for the portal's page and the operator. */
  readonly reason: string
  /** When it ends, ms since the epoch; null: never. */
  readonly until: number | null
  /** When it was decided, ms since the epoch. */
  readonly updatedAt: number
  /** What else the subject's kind needs. */
  readonly data?: AccessData
}

export type AccessData = Readonly<Record<string, unknown>>

/** The log as one process has read it. */
export interface AccessLog {
  /**
   * Whether all has been read that was decided before this process asked. Until then nobody's access can be decided.
   */
  readonly known: boolean
  /** The entry of a subject that is in force at `now`. */
  get(subject: string, now: number): AccessEntry | undefined
  /** Every subject that begins with `prefix` ("voucher:") and has an entry in force at `now`. */
  entries(prefix: string, now: number): Iterable<readonly [string, AccessEntry]>
  /** Resolves when it is durable; readers see it a moment later. Null: forget the subject. @throws GatepostError LOG_UNAVAILABLE */
  put(subject: string, entry: AccessEntry | null): Promise<void>
  /**
   * Claims a subject that nobody has: of several that do so at once, whoever comes first in the log. Resolves when the claim has been read
   * back, with the entry that counts, which may be another one's.
   * @throws GatepostError LOG_UNAVAILABLE: not within 2 s; whether the claim counts is not known then
   */
  claim(subject: string, entry: AccessEntry): Promise<AccessEntry>
  /** Calls `listener` with every subject that there is, and with each one that is decided about later. */
  watch(listener: (subject: string) => void): void
  close(): Promise<void>
}

/** Subjects in memory at most, some 200 bytes each; beyond it the log cannot be known as a whole, and nothing is decided. */
export const MAX_SUBJECTS = 2_000_000

/** How long a claim may take to be read back. */
export const CLAIM_WITHIN_MS = 2000

const VERDICTS: readonly unknown[] = ['allow', 'deny', 'validation']

/** An entry as it is written into the log. */
export function encodeAccessEntry({ verdict, reason, until, updatedAt, data }: AccessEntry): Buffer {
  return Buffer.from(JSON.stringify({ verdict, reason, until, updated_at: updatedAt, data }))
}

/** Null: it is none. */
export function decodeAccessEntry(value: Buffer): AccessEntry | null {
  try {
    return accessEntryOf(JSON.parse(value.toString('utf8')))
  } catch {
    return null
  }
}

/** The same of JSON that was parsed. */
export function accessEntryOf(parsed: unknown): AccessEntry | null {
  if (typeof parsed !== 'object' || parsed === null) return null
  const { verdict, reason, until, updated_at, data } = parsed as Record<string, unknown>
  if (!VERDICTS.includes(verdict) || typeof updated_at !== 'number') return null
  return {
    verdict: verdict as AccessEntry['verdict'],
    reason: typeof reason === 'string' ? reason : '',
    until: typeof until === 'number' ? until : null,
    updatedAt: updated_at,
    ...(typeof data === 'object' && data !== null ? { data: data as AccessData } : {}),
  }
}
