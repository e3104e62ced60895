import { deciding } from '../access/deciding.ts'
import type { AccessLog } from '../access/log.ts'
import { devicesOnline, type DevicesOnline } from '../access/places.ts'
import type { QuotaUse } from '../access/quota.ts'
import { LOGGED_OUT, SUBJECTS } from '../access/subjects.ts'
import type { Token, Tokens } from '../access/token.ts'
import { makeAnswer, type RecordOutcome } from '../ingest/http.ts'
import type { Records } from '../ingest/records.ts'
import type { Grant, IssuedToken, PortalSession, Sessions } from './sessions.ts'

export interface IssueOptions {
  readonly tokens: Tokens
  readonly access: AccessLog
  readonly records: Records
  readonly useWithinMs: number
  readonly sessionMaxMs: number
  /** Longest session of an account. */
  readonly longestMs: number
  /** The version of the terms that a gateway shows. */
  readonly terms: (gwId: string) => string
}

/** Placeholder that is never sent: the answer depends on the outcome. */
const PENDING = makeAnswer('login', 200, '')

/** Issues tokens; each one is recorded before it is handed out. */
export class IssuedSessions implements Sessions {
  readonly #options: IssueOptions

  constructor(options: IssueOptions) {
    this.#options = options
  }

  async issue(grant: Grant): Promise<IssuedToken | null> {
    const { tokens, access, records, useWithinMs, sessionMaxMs, terms } = this.#options
    const { redirect, account, until, isOwnLength, validateBy, method, remoteIp, now } = grant
    const { mac, gwId, ip } = redirect
    const most = isOwnLength === true ? Infinity : sessionMaxMs
    const longest = until === null ? sessionMaxMs : Math.min(most, Math.max(1000, until - now))
    const confirmWithinMs = validateBy === null ? null : validateBy - now
    const request = { now, useWithinMs, sessionMaxMs: longest, confirmWithinMs, mac, gwId, account }
    const { text, token } = tokens.issue(request)
    const { sessionId, issued, useBy, end, confirmBy } = token
    const ends = end
    const texts = { sessionId, gwId, mac, ip, account, method, termsVersion: terms(gwId), remoteIp }
    const record = { ...texts, issued, useBy, ends, confirmBy }
    const batch = records.portalSession(record, now)
    if (batch === null) return null
    const outcome = await new Promise<RecordOutcome>((resolve) =>
      batch.wait({ respond: (_response, _answer, outcome) => resolve(outcome) }, null, PENDING),
    )
    if (outcome !== 'kept') return null
    if (account !== '') {
      const entry = { verdict: 'allow', reason: '', until: end, updatedAt: now, data: { account } } as const
      await access.put(SUBJECTS.sessionAccount.of(sessionId), entry)
    }
    return { token: text, session: sessionOf(token, gwId, account) }
  }

  verify(text: string, mac: string, now: number): PortalSession | null {
    const token = this.#options.tokens.verify(text, mac)
    return token === null || token.end <= now ? null : sessionOf(token, '', '')
  }

  async validated(sessionId: string, now: number): Promise<void> {
    const until = now + this.#options.longestMs
    const entry = { verdict: 'allow', reason: 'confirmed', until, updatedAt: now } as const
    await this.#options.access.put(SUBJECTS.confirmed.of(sessionId), entry)
  }

  async end({ sessionId, ends }: PortalSession, now: number): Promise<void> {
    const { access } = this.#options
    const subject = SUBJECTS.session.of(sessionId)
    // What an operator decided stays, with its reason.
    if (ends <= now || access.get(subject, now)?.verdict === 'deny') return
    await access.put(subject, { verdict: 'deny', reason: LOGGED_OUT, until: ends, updatedAt: now })
  }

  denial(session: PortalSession, now: number): string | null {
    const decided = deciding(this.#options.access, session, now)
    return decided?.verdict === 'deny' ? decided.reason : null
  }

  devices(session: PortalSession, now: number): DevicesOnline | null {
    const account = this.#accountOf(session, now)
    return account === '' ? null : devicesOnline(this.#options.access, account, session.sessionId, now)
  }

  quotas(session: PortalSession, now: number): QuotaUse[] {
    const { sessionId } = session
    const { sessionQuota, accountQuota } = SUBJECTS
    const { access } = this.#options
    const account = this.#accountOf(session, now)
    const ofSession = sessionQuota.dataOf(access.get(sessionQuota.of(sessionId), now)) ?? {}
    const ofAccount = account === '' ? {} : (accountQuota.dataOf(access.get(accountQuota.of(account), now)) ?? {})
    return [...Object.values(ofSession), ...Object.values(ofAccount)]
  }

  /** What a token does not tell is in the access log. */
  #accountOf({ sessionId, account }: PortalSession, now: number): string {
    const { sessionAccount } = SUBJECTS
    if (account !== '') return account
    return sessionAccount.dataOf(this.#options.access.get(sessionAccount.of(sessionId), now))?.account ?? ''
  }
}

function sessionOf({ sessionId, end, mac }: Token, gwId: string, account: string): PortalSession {
  return { sessionId, ends: end, mac, gwId, account }
}
