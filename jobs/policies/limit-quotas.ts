import type { AccessEntry, AccessLog } from '../../access/log.ts'
import { Limits, type Limit, type Quota } from '../../access/limits.ts'
import { QUOTA_REASON, type QuotaUse } from '../../access/quota.ts'
import { SUBJECTS } from '../../access/subjects.ts'
import { voucherOf } from '../../access/vouchers.ts'
import type { Store } from '../../store/contract.ts'
import type { PolicyOutcome } from './policy.ts'

/*
 * Quotas of GATEPOST_POLICIES' `limits`. Sessions beyond their quota are denied, but neither their account nor their device, which may log in in another
 * way. A quota of a day is also recorded as spent, so that the portal grants no further session by it.
 */

const MAX_ROWS = 50_000
const MAX_WRITES = 5000
const WRITES_AT_ONCE = 32
const MAX_SESSIONS = 100
const STEPS = 10
const DAY_MS = 24 * 3_600_000

/** What somebody has used. */
interface Use {
  readonly method: string
  /** Empty: none. */
  readonly account: string
  readonly mac: string
  readonly used: number
  /** Sessions that may be online. */
  readonly sessions: readonly string[]
}

const PER_SESSION = `
  SELECT method, account, mac, toFloat64(incoming + outgoing) AS used, [session_id] AS sessions
  FROM gatepost.gateway_sessions
  WHERE method != '' AND state IN ('active', 'validating') AND incoming + outgoing > 0
  ORDER BY used DESC LIMIT ${MAX_ROWS}`

const PER_DAY = `
  SELECT s.method AS method, s.account AS account, if(s.account = '', s.mac, '') AS mac, toFloat64(sum(t.bytes)) AS used,
    groupArrayIf(${MAX_SESSIONS})(s.session_id, s.state IN ('active', 'validating')) AS sessions
  FROM (
    SELECT session_id, sum(incoming + outgoing) AS bytes FROM gatepost.session_traffic
    WHERE source = 'wifidog' AND hour >= toStartOfDay(now('UTC')) GROUP BY session_id
  ) AS t
  INNER JOIN (
    SELECT session_id, method, account, mac, state FROM gatepost.gateway_sessions WHERE method != ''
  ) AS s ON s.session_id = t.session_id
  GROUP BY method, account, mac HAVING used > 0
  ORDER BY used DESC LIMIT ${MAX_ROWS}`

export class LimitQuotas {
  readonly #limits: Limits
  readonly #periods: readonly Quota['per'][]

  constructor(limits: readonly Limit[]) {
    this.#limits = new Limits(limits)
    this.#periods = [...new Set(limits.filter(({ quotaBytes }) => quotaBytes !== null).map(({ per }) => per))]
  }

  /** Whether there is anything to evaluate. */
  get any(): boolean {
    return this.#periods.length > 0
  }

  /** @throws GatepostError of the store; LOG_UNAVAILABLE: the next evaluation writes what is missing */
  async apply(store: Pick<Store, 'query'>, access: AccessLog, now: number): Promise<PolicyOutcome> {
    const writes: [string, AccessEntry][] = []
    let denied = 0
    let overflow = false
    for (const per of this.#periods) {
      const rows = await store.query<Use>(per === 'day' ? PER_DAY : PER_SESSION)
      overflow ||= rows.length === MAX_ROWS
      for (const use of rows) {
        if (writes.length >= MAX_WRITES) break
        const quota = this.#quotaOf(access, use, now)
        if (quota?.per !== per) continue
        const isOver = use.used > quota.bytes
        const made = isOver ? denials(access, quota, use, now) : publications(access, quota, use, now)
        if (isOver && made.length > 0) denied++
        writes.push(...made)
      }
    }
    for (let first = 0; first < writes.length; first += WRITES_AT_ONCE) {
      const some = writes.slice(first, first + WRITES_AT_ONCE)
      await Promise.all(some.map(([subject, entry]) => access.put(subject, entry)))
    }
    return { denied, overflow: overflow || writes.length >= MAX_WRITES }
  }

  /** A voucher's own quota counts instead. */
  #quotaOf(access: AccessLog, { method, account }: Use, now: number): Quota | null {
    const voucher = method === 'voucher' ? voucherOf(access, account, now) : undefined
    if (voucher?.quotaBytes !== undefined) return null
    return this.#limits.quota({ method, account, label: voucher?.label ?? null })
  }
}

function denials(access: AccessLog, { name, per }: Quota, use: Use, now: number): [string, AccessEntry][] {
  const made: [string, AccessEntry][] = []
  const reason = QUOTA_REASON + name
  const dayEnds = (Math.floor(now / DAY_MS) + 1) * DAY_MS
  const person = use.account === '' ? use.mac : use.account
  if (per === 'day' && person !== '') {
    const subject = SUBJECTS.spent.of({ quota: name, person })
    const data = { account: use.account, mac: use.mac }
    if (access.get(subject, now) === undefined)
      made.push([subject, { verdict: 'allow', reason, until: dayEnds, updatedAt: now, data }])
  }
  for (const sessionId of use.sessions) {
    const subject = SUBJECTS.session.of(sessionId)
    // A decision that is there already, possibly an operator's, stays.
    if (access.get(subject, now) !== undefined) continue
    const ends = access.get(SUBJECTS.sessionQuota.of(sessionId), now)?.until ?? now + DAY_MS
    made.push([subject, { verdict: 'deny', reason, until: per === 'day' ? dayEnds : ends, updatedAt: now }])
  }
  return made
}

/** What is left, in steps of a tenth. */
function publications(
  access: AccessLog,
  { name, bytes }: Quota,
  { used, sessions }: Use,
  now: number,
): [string, AccessEntry][] {
  const step = (use: number) => Math.floor((use / bytes) * STEPS)
  const made: [string, AccessEntry][] = []
  for (const sessionId of sessions) {
    const subject = SUBJECTS.sessionQuota.of(sessionId)
    const told = access.get(subject, now)
    const before = SUBJECTS.sessionQuota.dataOf(told)?.[name]
    if (before === undefined ? step(used) === 0 : step(before.used) === step(used)) continue
    const use: QuotaUse = { used, limit: bytes, unit: 'bytes' }
    const until = told?.until ?? now + DAY_MS
    made.push([subject, { verdict: 'allow', reason: '', until, updatedAt: now, data: { ...told?.data, [name]: use } }])
  }
  return made
}
