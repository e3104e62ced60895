/**
 * The access log: subject → verdict, the last entry of a subject wins. It is small, kept for ever (compacted), and read as a whole by every
 * process that decides. subjects.ts defines the kinds of subjects and what their entries hold in `data`.
 */

/** A decision about a subject. */
export interface AccessEntry {
  readonly verdict: 'allow' | 'deny' | 'validation'
  /** Text for the portal's page and the operator. */
  readonly reason: string
  /** When it ends, ms since the epoch; null: never. */
  readonly until: number | null
  /** When it was decided, ms since the epoch. */
  readonly updatedAt: number
  /** Additional data, by kind of subject. */
  readonly data?: AccessData
}

export type AccessData = Readonly<Record<string, unknown>>

/** How long an entry that has ended is kept: until the tables have it, since it explains why sessions ended. */
export const ENDED_KEPT_MS = 24 * 3_600_000

/** The access log as one process has read it. */
export interface AccessLog {
  /** Whether everything written before this process started has been read. Until then nothing can be decided. */
  readonly known: boolean
  /** The subject's entry in force at `now`; -Infinity: the last one, also if it has ended and is not removed yet. */
  get(subject: string, now: number): AccessEntry | undefined
  /** All subjects that begin with `prefix` ("voucher:") and have an entry in force at `now`. */
  entries(prefix: string, now: number): Iterable<readonly [string, AccessEntry]>
  /**
   * Resolves when the entry is durable; readers see it a moment later. Null deletes the subject. @throws GatepostError LOG_UNAVAILABLE
   */
  put(subject: string, entry: AccessEntry | null): Promise<void>
  /**
   * Claims a subject: among concurrent claims the first in the log wins. Resolves when the claim has been read back, with the winning entry,
   * which may be another process's.
   * @throws GatepostError LOG_UNAVAILABLE: not read back within 2 s; the outcome is unknown
   */
  claim(subject: string, entry: AccessEntry): Promise<AccessEntry>
  /** Calls `listener` with every existing subject, and later with each subject that changes. */
  watch(listener: (subject: string) => void): void
  close(): Promise<void>
}

/**
 * Maximum number of subjects in memory, about 200 bytes each, that only operators, policies and accounts make. Beyond it the log cannot be held
 * as a whole, and nothing is decided.
 */
export const MAX_SUBJECTS = 2_000_000

/** Maximum number of subjects in memory that anybody can make by logging in and out. Beyond it the oldest are forgotten. */
export const MAX_FLEETING = 300_000

/** How long a claim may take until it is read back. */
export const CLAIM_WITHIN_MS = 2000

const VERDICTS: readonly unknown[] = ['allow', 'deny', 'validation']

/**
 * Takes a decision back: it ends now. Its record stays for a while, since the tables may not have it yet.
 * @returns false: there is none in force
 * @throws GatepostError LOG_UNAVAILABLE
 */
export async function takeBack(access: AccessLog, subject: string, now: number): Promise<boolean> {
  const entry = access.get(subject, now)
  if (entry === undefined) return false
  await access.put(subject, { ...entry, until: now })
  return true
}

/** Encodes an entry for the log. */
export function encodeAccessEntry({ verdict, reason, until, updatedAt, data }: AccessEntry): Buffer {
  return Buffer.from(JSON.stringify({ verdict, reason, until, updated_at: updatedAt, data }))
}

/** @returns null if the value is not a valid entry */
export function decodeAccessEntry(value: Buffer): AccessEntry | null {
  try {
    return accessEntryOf(JSON.parse(value.toString('utf8')))
  } catch {
    return null
  }
}

/** The same for parsed JSON. */
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
