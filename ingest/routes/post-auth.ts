import {
  AUTHENTICATION_RESULT,
  encodePostAuth,
  EVENT_TIMESTAMP,
  newPostAuthStats,
  overlongField,
  POST_AUTH_KEYS,
  postAuthBytes,
  REPORT_ID,
  type PostAuthStats,
  type UserRules,
} from '../encode/post-auth.ts'
import type { Records } from '../records.ts'
import { ReportRoute } from './report.ts'

export interface PostAuthOptions {
  /** Days for which logins are kept. */
  readonly keptDays: number
  /** Read for each report: the rule of user names may be found out later. */
  readonly users: () => UserRules
}

/** `POST /logging/post-auth` (GovWifi logging API): a login that FreeRADIUS accepted or rejected. */
export class PostAuthRoute extends ReportRoute {
  readonly stats: PostAuthStats

  constructor(records: Records, { keptDays, users }: PostAuthOptions) {
    const stats = newPostAuthStats()
    const field = 'authentication_result'
    super(records, {
      route: 'post_auth',
      source: 'post-auth',
      keys: POST_AUTH_KEYS,
      eventTimestamp: EVENT_TIMESTAMP,
      reportId: REPORT_ID,
      batcher: records.postAuth,
      keptDays,
      // The RADIUS server's clock, which is set.
      unsetBefore: 0,
      maxBytes: postAuthBytes,
      problem: (fields) =>
        fields.blank(AUTHENTICATION_RESULT) ? { reason: 'missing_field', error: `${field} is missing`, field } : null,
      overlong: overlongField,
      encode: (cursor, fields, sender) => encodePostAuth(cursor, fields, sender, stats, users()),
      countTime: (why) => {
        if (why === 'unproven' || why === 'unreadable' || why === 'ahead') stats.timesNotUsed[why]++
      },
    })
    this.stats = stats
  }
}
