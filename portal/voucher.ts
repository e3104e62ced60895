import type { SubjectData } from '../access/subject-data.ts'
import { SUBJECTS, type Voucher } from '../access/subjects.ts'
import { AttemptLimits, WRONG_VOUCHERS } from './limits.ts'
import { limitedBy, refused, type Attempt, type BegunSession, type LoginMethod, type LoginResult } from './method.ts'
import { deviceOf } from './login-limits.ts'
import { parameter } from './request.ts'
import type { Places } from '../access/places.ts'
import { hashVoucherCode, sameProof } from '../access/voucher-code.ts'
import { voucherAccount, voucherIdOf } from '../access/vouchers.ts'

/* Login method `voucher`: codes that the operator hands out; see access/vouchers.ts. */

interface Found {
  readonly id: string
  readonly voucher: Voucher
}

export class VoucherLogin implements LoginMethod {
  readonly #data: SubjectData
  readonly #places: Places
  readonly #secrets: readonly string[]
  readonly #limits = new AttemptLimits(WRONG_VOUCHERS)

  /** `secrets`: the installation's. A voucher is hashed with the secret that was the first one when it was created. */
  constructor(data: SubjectData, places: Places, secrets: readonly string[]) {
    this.#data = data
    this.#places = places
    this.#secrets = secrets
  }

  async login(attempt: Attempt): Promise<LoginResult> {
    const { form, origin, now } = attempt
    const limited = this.#limits.refusal(origin, now)
    if (limited !== null) return limitedBy(limited)
    this.#limits.tried(origin, now)
    const found = this.#find(parameter(form, 'code', 64), now)
    const result = found === null ? refused('error.voucher') : await this.#use(found, attempt)
    if (result.granted) this.#limits.succeeded(origin, now)
    return result
  }

  /** A device that is known to have used the voucher before. @throws GatepostError LOG_UNAVAILABLE */
  async again(account: string, attempt: Attempt): Promise<LoginResult> {
    const id = voucherIdOf(account)
    const voucher = id === null ? undefined : this.#data.get(SUBJECTS.voucher, id, attempt.now)
    return id === null || voucher === undefined ? refused('error.voucher') : this.#use({ id, voucher }, attempt)
  }

  async #use({ id, voucher }: Found, attempt: Attempt): Promise<LoginResult> {
    const { now } = attempt
    const { maxDevices, wins = 'first', validForMs, sessionMs } = voucher
    const started = this.#data.get(SUBJECTS.voucherStart, id, now)
    if (started !== undefined && started.at + validForMs <= now) return refused('error.voucher')
    const account = voucherAccount(id)
    const place = await this.#places.take({ account, maxDevices, wins }, deviceOf(attempt), now)
    if (place === null) return refused('error.voucher')
    const { at } = started ?? (await this.#data.claim(SUBJECTS.voucherStart, id, { at: now }, null))
    const ends = at + validForMs
    if (ends <= now) return refused('error.voucher')
    const until = sessionMs === undefined ? ends : Math.min(ends, now + sessionMs)
    const issued = async (session: BegunSession) => {
      await this.#places.settle(place, session.sessionId, session.ends)
      return true
    }
    return { granted: true, account, until, isOwnLength: sessionMs !== undefined, validateBy: null, issued }
  }

  #find(typed: string, now: number): Found | null {
    for (const secret of this.#secrets) {
      const hash = hashVoucherCode(secret, typed)
      const voucher = hash === null ? undefined : this.#data.get(SUBJECTS.voucher, hash.id, now)
      if (hash !== null && voucher !== undefined && sameProof(voucher.proof, hash.proof))
        return { id: hash.id, voucher }
    }
    return null
  }
}
