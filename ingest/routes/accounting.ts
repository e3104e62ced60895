import {
  ACCOUNTING_EVENT_TIMESTAMP,
  ACCOUNTING_KEYS,
  ACCOUNTING_REPORT_ID,
  accountingBytes,
  accountingProblem,
  encodeAccounting,
  newAccountingStats,
  overlongAccounting,
  type AccountingStats,
} from '../encode/accounting.ts'
import type { UserRules } from '../encode/post-auth.ts'
import type { Records } from '../records.ts'
import { ReportRoute } from './report.ts'

/** The clock of a NAS begins in 1970 or 2000 when it starts, until it is set. */
const UNSET_BEFORE = Date.UTC(2010, 0, 1)

export interface AccountingOptions {
  /** Days for which accounting is kept. */
  readonly keptDays: number
  readonly users: () => UserRules
}

/** `POST /logging/accounting`: a RADIUS accounting packet (RFC 2866). A probe's sessions are stored like any other's. */
export class AccountingRoute extends ReportRoute {
  readonly stats: AccountingStats

  constructor(records: Records, { keptDays, users }: AccountingOptions) {
    const stats = newAccountingStats()
    super(records, {
      route: 'accounting',
      source: 'accounting',
      keys: ACCOUNTING_KEYS,
      eventTimestamp: ACCOUNTING_EVENT_TIMESTAMP,
      reportId: ACCOUNTING_REPORT_ID,
      batcher: records.accounting,
      keptDays,
      unsetBefore: UNSET_BEFORE,
      maxBytes: accountingBytes,
      problem: accountingProblem,
      overlong: overlongAccounting,
      encode: (cursor, fields, sender, time) => {
        encodeAccounting(cursor, fields, sender, { ...time, userNames: users().userNames, stats })
        return true
      },
      countTime: (why) => {
        if (why !== 'none' && why !== 'too_old') stats.timesNotUsed[why]++
      },
    })
    this.stats = stats
  }
}
