import { createHash } from 'node:crypto'
import type { SubjectData } from '../../access/subject-data.ts'
import { SUBJECTS, type Voucher } from '../../access/subjects.ts'
import { AttemptLimits, WRONG_VOUCHERS } from './limits.ts'
import { limitedBy, refused, type Attempt, type LoginMethod, type LoginResult } from './method.ts'
import { parameter } from './request.ts'
import { hashVoucherCode, sameProof } from '../../access/voucher-code.ts'
import { voucherAccount } from '../../access/vouchers.ts'

/* Login method `voucher`: codes that the operator hands out; see access/vouchers.ts. */

export class VoucherLogin implements LoginMethod {
  readonly #data: SubjectData
  readonly #secrets: readonly string[]
  readonly #limits = new AttemptLimits(WRONG_VOUCHERS)

  /** `secrets`: the installation's. A voucher is hashed with the secret that was the first one when it was created. */
  constructor(data: SubjectData, secrets: readonly string[]) {
    this.#data = data
    this.#secrets = secrets
  }

  async login(attempt: Attempt): Promise<LoginResult> {
    const { form, origin, now } = attempt
    const limited = this.#limits.refusal(origin, now)
    if (limited !== null) return limitedBy(limited)
    this.#limits.tried(origin, now)
    const found = this.#find(parameter(form, 'code', 64), now)
    const until = found === null ? null : await this.#use(found.id, found.voucher, deviceOf(attempt), now)
    if (found === null || until === null) return refused('error.voucher')
    this.#limits.succeeded(origin, now)
    return { granted: true, account: voucherAccount(found.id), until, validateBy: null }
  }

  #find(typed: string, now: number): { id: string; voucher: Voucher } | null {
    for (const secret of this.#secrets) {
      const hash = hashVoucherCode(secret, typed)
      const voucher = hash === null ? undefined : this.#data.get(SUBJECTS.voucher, hash.id, now)
      if (hash !== null && voucher !== undefined && sameProof(voucher.proof, hash.proof))
        return { id: hash.id, voucher }
    }
    return null
  }

  /** Until when this device may use the voucher, ms since the epoch; null: it may not. */
  async #use(id: string, { validForMs, maxDevices }: Voucher, device: string, now: number): Promise<number | null> {
    const { voucherStart, voucherDevice } = SUBJECTS
    const places = Array.from({ length: maxDevices }, (_, index) => ({ id, place: index + 1 }))
    const taken = places.map((place) => this.#data.get(voucherDevice, place, now)?.device)
    let mine = taken.includes(device)
    for (let index = 0; !mine && index < places.length; index++) {
      if (taken[index] === undefined)
        mine = (await this.#data.claim(voucherDevice, places[index], { device }, null)).device === device
    }
    if (!mine) return null
    const { at } =
      this.#data.get(voucherStart, id, now) ?? (await this.#data.claim(voucherStart, id, { at: now }, null))
    const until = at + validForMs
    return until > now ? until : null
  }
}

/** A client without a MAC (only possible at a registered gateway) is identified by its browser's proof, that is, by its cookie. */
function deviceOf({ form, redirect }: Attempt): string {
  if (redirect.mac !== '') return redirect.mac
  return createHash('sha256')
    .update(parameter(form, 'form', 64))
    .digest('hex')
    .slice(0, 24)
}
