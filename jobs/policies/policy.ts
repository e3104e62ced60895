import type { AccessData, AccessEntry, AccessLog } from '../../access/log.ts'
import { QUOTA_REASON, type QuotaUse } from '../../access/quota.ts'
import { SUBJECTS, type DecidedKind } from '../../access/subjects.ts'
import type { Store } from '../../store/contract.ts'

/** A limit, and the SQL that computes usage. */
export interface Policy {
  /** Part of the reason of its denials: quota:<name>. */
  readonly name: string
  readonly deny: DecidedKind
  /** A SELECT with one row per subject: `subject`, and `used`, a number. */
  readonly sql: string
  /** Subjects that use more are denied. */
  readonly limit: number
  readonly unit: QuotaUse['unit']
  /** Duration of a denial, ms; null: until the UTC day ends. */
  readonly forMs: number | null
  /** Whether the portal's welcome page shows the remaining quota. */
  readonly show: boolean
}

/** The result of one evaluation. */
export interface PolicyOutcome {
  /** Subjects newly denied. */
  readonly denied: number
  /** Whether there were too many subjects to consider; those with the highest usage were considered. */
  readonly overflow: boolean
}

/** Maximum number of subjects considered, and entries written, per evaluation. */
const MAX_SUBJECTS = 50_000
const MAX_WRITES = 5000
const WRITES_AT_ONCE = 32
const DAY_MS = 24 * 3_600_000
/** Usage is published in steps of a tenth of the quota. */
const STEPS = 10

/**
 * Denies subjects above the limit, except those that already have a decision.
 * @throws GatepostError of the store; LOG_UNAVAILABLE: the next evaluation writes what is missing
 */
export async function applyPolicy(
  policy: Policy,
  store: Pick<Store, 'query'>,
  access: AccessLog,
  now: number,
): Promise<PolicyOutcome> {
  const rows = await policyUse(policy, store, policy.show ? policy.limit / STEPS : policy.limit)
  const writes: [string, AccessEntry][] = []
  let denied = 0
  for (const { subject, used } of rows) {
    if (writes.length === MAX_WRITES) break
    // An empty account means that nobody is known.
    if (subject === '') continue
    const entry = used > policy.limit ? denial(policy, subject, access, now) : quota(policy, subject, used, access, now)
    if (entry === null) continue
    writes.push(entry)
    if (used > policy.limit) denied++
  }
  for (let first = 0; first < writes.length; first += WRITES_AT_ONCE) {
    const some = writes.slice(first, first + WRITES_AT_ONCE)
    await Promise.all(some.map(([subject, entry]) => access.put(subject, entry)))
  }
  return { denied, overflow: rows.length === MAX_SUBJECTS || writes.length === MAX_WRITES }
}

/** Subjects with usage above `above`, highest first. @throws GatepostError of the store */
async function policyUse(
  { sql, limit }: Policy,
  store: Pick<Store, 'query'>,
  above: number,
): Promise<{ subject: string; used: number }[]> {
  return store.query<{ subject: string; used: number }>(
    `SELECT toString(used_by.subject) AS subject, toFloat64(used_by.used) AS used FROM
     (
       ${sql}
     ) AS used_by
     WHERE toFloat64(used_by.used) > {above:Float64} ORDER BY toFloat64(used_by.used) DESC LIMIT ${MAX_SUBJECTS}`,
    { above, limit },
  )
}

/** Null: the subject has a decision already, possibly an operator's, which stays. */
function denial(policy: Policy, name: string, access: AccessLog, now: number): [string, AccessEntry] | null {
  const subject = SUBJECTS[policy.deny].of(name)
  if (access.get(subject, now) !== undefined) return null
  return [subject, { verdict: 'deny', reason: QUOTA_REASON + policy.name, until: endOf(policy, now), updatedAt: now }]
}

/** Null: the published usage is current, or the policy is not shown. */
function quota(
  policy: Policy,
  name: string,
  used: number,
  access: AccessLog,
  now: number,
): [string, AccessEntry] | null {
  if (!policy.show || (policy.deny !== 'session' && policy.deny !== 'account')) return null
  const kind = policy.deny === 'session' ? SUBJECTS.sessionQuota : SUBJECTS.accountQuota
  const subject = kind.of(name)
  const told = access.get(subject, now)
  const before = kind.dataOf(told)?.[policy.name]
  const step = (use: number) => Math.floor((use / policy.limit) * STEPS)
  if (before !== undefined && step(before.used) === step(used)) return null
  const use: QuotaUse = { used, limit: policy.limit, unit: policy.unit }
  const data: AccessData = { ...told?.data, [policy.name]: use }
  const until = Math.max(endOf(policy, now), told?.until ?? 0)
  return [subject, { verdict: 'allow', reason: '', until, updatedAt: now, data }]
}

function endOf({ forMs }: Policy, now: number): number {
  return forMs === null ? (Math.floor(now / DAY_MS) + 1) * DAY_MS : now + forMs
}
