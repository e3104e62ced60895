import type { AccessData, AccessEntry, AccessLog } from '../../access/log.ts'
import { QUOTA_REASON, VOUCHER_QUOTA, type QuotaUse } from '../../access/quota.ts'
import { SUBJECTS, type Voucher } from '../../access/subjects.ts'
import { voucherAccount } from '../../access/vouchers.ts'
import type { Store } from '../../store/contract.ts'
import type { PolicyOutcome } from './policy.ts'

/*
 * Quotas of vouchers: the bytes of all sessions of a voucher together, as far as their rows are still kept. A voucher beyond its quota is
 * denied, as an account, until it is over.
 */

const MAX_VOUCHERS = 50_000
const MAX_WRITES = 5000
const WRITES_AT_ONCE = 32
/** Usage is published in steps of a tenth of the quota. */
const STEPS = 10

/** @throws GatepostError of the store; LOG_UNAVAILABLE: the next evaluation writes what is missing */
export async function applyVoucherQuotas(
  store: Pick<Store, 'query'>,
  access: AccessLog,
  now: number,
): Promise<PolicyOutcome> {
  const quotas = quotasByAccount(access, now)
  if (quotas.size === 0) return { denied: 0, overflow: false }
  const rows = await store.query<{ account: string; used: number }>(
    `SELECT account, toFloat64(sum(incoming + outgoing)) AS used FROM gatepost.gateway_sessions
     WHERE method = 'voucher' AND incoming + outgoing > 0 GROUP BY account ORDER BY used DESC LIMIT ${MAX_VOUCHERS}`,
  )
  const writes: [string, AccessEntry][] = []
  let denied = 0
  for (const { account, used } of rows) {
    const quota = quotas.get(account)
    if (quota === undefined || writes.length === MAX_WRITES) continue
    const isOver = used > quota.bytes
    const write = isOver ? denial(access, account, quota, now) : publication(access, account, used, quota, now)
    if (write === null) continue
    writes.push(write)
    if (isOver) denied++
  }
  for (let first = 0; first < writes.length; first += WRITES_AT_ONCE)
    await Promise.all(writes.slice(first, first + WRITES_AT_ONCE).map(([subject, entry]) => access.put(subject, entry)))
  return { denied, overflow: rows.length === MAX_VOUCHERS || writes.length === MAX_WRITES }
}

interface Quota {
  readonly bytes: number
  /** When the voucher is over, ms since the epoch. */
  readonly ends: number
}

/** Of vouchers that are in use. */
function quotasByAccount(access: AccessLog, now: number): Map<string, Quota> {
  const quotas = new Map<string, Quota>()
  for (const [id, entry] of SUBJECTS.voucher.entries(access, now)) {
    const voucher: Voucher | undefined = SUBJECTS.voucher.dataOf(entry)
    if (voucher?.quotaBytes === undefined || entry.verdict !== 'allow') continue
    const start = SUBJECTS.voucherStart.dataOf(access.get(SUBJECTS.voucherStart.of(id), now))
    if (start === undefined || start.at + voucher.validForMs <= now) continue
    quotas.set(voucherAccount(id), { bytes: voucher.quotaBytes, ends: start.at + voucher.validForMs })
  }
  return quotas
}

/** Null: there is a decision already, possibly an operator's, which stays. */
function denial(access: AccessLog, account: string, { ends }: Quota, now: number): [string, AccessEntry] | null {
  const subject = SUBJECTS.account.of(account)
  if (access.get(subject, now) !== undefined) return null
  return [subject, { verdict: 'deny', reason: QUOTA_REASON + VOUCHER_QUOTA, until: ends, updatedAt: now }]
}

/** Null: what is published is current. */
function publication(
  access: AccessLog,
  account: string,
  used: number,
  { bytes, ends }: Quota,
  now: number,
): [string, AccessEntry] | null {
  const subject = SUBJECTS.accountQuota.of(account)
  const told = access.get(subject, now)
  const before = SUBJECTS.accountQuota.dataOf(told)?.[VOUCHER_QUOTA]
  const step = (use: number) => Math.floor((use / bytes) * STEPS)
  if (before !== undefined && before.limit === bytes && step(before.used) === step(used)) return null
  const use: QuotaUse = { used, limit: bytes, unit: 'bytes' }
  const data: AccessData = { ...told?.data, [VOUCHER_QUOTA]: use }
  const until = Math.max(ends, told?.until ?? 0)
  return [subject, { verdict: 'allow', reason: '', until, updatedAt: now, data }]
}
