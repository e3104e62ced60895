/*
 * Policy quotas in the access log, for the portal's pages: the reason of a denial, and how much of each quota has been used, in `data` of
 * quota:session:<id> and quota:account:<name>, by policy.
 */

/** Prefix of a denial's reason; the policy's name follows. */
export const QUOTA_REASON = 'quota:'

/** Usage of one policy's limit. */
export interface QuotaUse {
  readonly used: number
  readonly limit: number
  readonly unit: 'bytes' | 'seconds' | 'count'
}

/** The name under which a voucher's own quota is published. No policy has it: their names have no capitals. */
export const VOUCHER_QUOTA = 'Voucher'
