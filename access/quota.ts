/*
 * What policies say of quotas in the access-control log, for the portal's pages: a denial's reason, and how much has been used, in `data` of
 * quota:session:<id> and quota:account:<name>, by policy.
 */

/** A denial's reason is this and the policy's name. */
export const QUOTA_REASON = 'quota:'

/** How much of one policy's limit has been used. */
export interface QuotaUse {
  readonly used: number
  readonly limit: number
  readonly unit: 'bytes' | 'seconds' | 'count'
}
