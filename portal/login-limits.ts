import { createHash } from 'node:crypto'
import type { AccessLog } from '../access/log.ts'
import { Limits, type Limit, type LoggedIn, type Quota } from '../access/limits.ts'
import type { LoginMethodName } from '../access/login-methods.ts'
import type { Places } from '../access/places.ts'
import { SUBJECTS } from '../access/subjects.ts'
import { voucherOf } from '../access/vouchers.ts'
import { refused, type Attempt, type BegunSession, type LoginResult } from './method.ts'
import { parameter } from './request.ts'

/** Applies the operator's limits to logins that their method has granted. What a voucher says of itself counts before them. */
export class LoginLimits {
  readonly #limits: Limits
  readonly #access: AccessLog
  readonly #places: Places

  constructor(limits: readonly Limit[], access: AccessLog, places: Places) {
    this.#limits = new Limits(limits)
    this.#access = access
    this.#places = places
  }

  /** @throws GatepostError LOG_UNAVAILABLE */
  async apply(result: LoginResult, method: LoginMethodName, attempt: Attempt): Promise<LoginResult> {
    if (!result.granted) return result
    const { now } = attempt
    const { account } = result
    const voucher = method === 'voucher' ? voucherOf(this.#access, account, now) : undefined
    const who: LoggedIn = { method, account, label: voucher?.label ?? null }
    const quota = voucher?.quotaBytes === undefined ? this.#limits.quota(who) : null
    const person = account === '' ? attempt.redirect.mac : account
    if (quota !== null && person !== '' && this.#isSpent(quota, person, now)) return refused('error.quota')
    const devices = voucher === undefined && account !== '' ? this.#limits.devices(who) : null
    const place = devices === null ? null : await this.#places.take({ account, ...devices }, deviceOf(attempt), now)
    if (devices !== null && place === null) return refused('error.devices')
    const issued = async (session: BegunSession) => {
      if (result.issued !== undefined && !(await result.issued(session))) return false
      if (place !== null) await this.#places.settle(place, session.sessionId, session.ends)
      if (quota !== null) await this.#tell(quota, session, now)
      return true
    }
    const sessionMs = result.isOwnLength === true ? null : this.#limits.sessionMs(who)
    if (sessionMs === null) return { ...result, issued }
    return { ...result, until: Math.min(result.until ?? Infinity, now + sessionMs), isOwnLength: true, issued }
  }

  #isSpent({ name }: Quota, person: string, now: number): boolean {
    return this.#access.get(SUBJECTS.spent.of({ quota: name, person }), now) !== undefined
  }

  /** The page after the login shows the quota before anything was used. */
  #tell({ name, bytes }: Quota, { sessionId, ends }: BegunSession, now: number): Promise<void> {
    const data = { [name]: { used: 0, limit: bytes, unit: 'bytes' } }
    return this.#access.put(SUBJECTS.sessionQuota.of(sessionId), {
      verdict: 'allow',
      reason: '',
      until: ends,
      updatedAt: now,
      data,
    })
  }
}

/** A client without a MAC (only possible at a registered gateway) is identified by its browser's proof, that is, by its cookie. */
export function deviceOf({ form, redirect }: Attempt): string {
  if (redirect.mac !== '') return redirect.mac
  return createHash('sha256')
    .update(parameter(form, 'form', 64))
    .digest('hex')
    .slice(0, 24)
}
