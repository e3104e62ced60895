/**
 * Access decisions as a log: subject → verdict, the last one of a subject counts. Small, kept for ever (compacted), and read as a whole by
 * everybody who decides.
 */

/** What was decided about a subject, such as `mac:50-A6-7F-84-9C-D1`, `session:<id>`, `account:<name>` or `gateway:<gw_id>`. */
export interface AccessEntry {
  readonly verdict: 'allow' | 'deny' | 'validation'
  /** In words, for the portal's page and the operator. */
  readonly reason: string
  /** When it ends, ms since the epoch; null: never. */
  readonly until: number | null
  /** When it was decided, ms since the epoch. */
  readonly updatedAt: number
}

/** The log as one process has read it. */
export interface AccessLog {
  /**
   * Whether all has been read that was decided before this process asked. Until then nobody's access can be decided.
   */
  readonly known: boolean
  /** The entry of a subject that is in force at `now`. */
  get(subject: string, now: number): AccessEntry | undefined
  /** Resolves when it is durable; readers see it a moment later. Null: forget the subject. @throws GatepostError LOG_UNAVAILABLE */
  put(subject: string, entry: AccessEntry | null): Promise<void>
  close(): Promise<void>
}

/** Subjects in memory at most, some 200 bytes each; beyond it the log cannot be known as a whole, and nothing is decided. */
export const MAX_SUBJECTS = 2_000_000

const VERDICTS: readonly unknown[] = ['allow', 'deny', 'validation']

/** An entry as it is written into the log. */
export function encodeAccessEntry({ verdict, reason, until, updatedAt }: AccessEntry): Buffer {
  return Buffer.from(JSON.stringify({ verdict, reason, until, updated_at: updatedAt }))
}

/** Null: it is none. */
export function decodeAccessEntry(value: Buffer): AccessEntry | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(value.toString('utf8'))
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null) return null
  const { verdict, reason, until, updated_at } = parsed as Record<string, unknown>
  if (!VERDICTS.includes(verdict) || typeof updated_at !== 'number') return null
  return {
    verdict: verdict as AccessEntry['verdict'],
    reason: typeof reason === 'string' ? reason : '',
    until: typeof until === 'number' ? until : null,
    updatedAt: updated_at,
  }
}
