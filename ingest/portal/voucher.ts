import { createHash } from 'node:crypto'
import type { Book } from '../../access/subject-data.ts'
import { clientKey, clientLimiter } from './limits.ts'
import { refused, type Attempt, type LoginMethod, type LoginResult } from './method.ts'
import { parameter } from './request.ts'
import { hashVoucherCode, sameProof } from '../../access/voucher-code.ts'
import { voucherAccount, voucherSubject, type Device, type Start, type Voucher } from '../../access/vouchers.ts'

/* `voucher`: codes that the operator hands out. access/vouchers.ts says what is kept of them. */

export class VoucherLogin implements LoginMethod {
  readonly #book: Book
  readonly #secrets: readonly string[]
  readonly #limits = clientLimiter()

  /** `secrets`: the installation's. A voucher's hash is of the one that was the first when it was made. */
  constructor(book: Book, secrets: readonly string[]) {
    this.#book = book
    this.#secrets = secrets
  }

  async login(attempt: Attempt): Promise<LoginResult> {
    const { form, now } = attempt
    const key = clientKey(attempt)
    if (!this.#limits.allows(key, '', now)) return refused('error.rate', 429)
    const found = this.#find(parameter(form, 'code', 64), now)
    const until = found === null ? null : await this.#use(found.id, found.voucher, deviceOf(attempt), now)
    if (found === null || until === null) {
      this.#limits.failed(key, '', now)
      return refused('error.voucher')
    }
    return { granted: true, account: voucherAccount(found.id), until, validateBy: null }
  }

  #find(typed: string, now: number): { id: string; voucher: Voucher } | null {
    for (const secret of this.#secrets) {
      const hash = hashVoucherCode(secret, typed)
      const voucher = hash === null ? undefined : this.#book.get<Voucher>(voucherSubject(hash.id), now)
      if (hash !== null && voucher !== undefined && sameProof(voucher.proof, hash.proof))
        return { id: hash.id, voucher }
    }
    return null
  }

  /** Until when this device may be online with it, ms since the epoch; null: it may not. */
  async #use(id: string, { validForMs, maxDevices }: Voucher, device: string, now: number): Promise<number | null> {
    const subject = voucherSubject(id)
    const slots = Array.from({ length: maxDevices }, (_, index) => `${subject}:device:${index + 1}`)
    const taken = slots.map((slot) => this.#book.get<Device>(slot, now)?.device)
    let mine = taken.includes(device)
    for (let index = 0; !mine && index < slots.length; index++) {
      if (taken[index] === undefined)
        mine = (await this.#book.claim<Device>(slots[index], { device }, null)).device === device
    }
    if (!mine) return null
    const first = `${subject}:start`
    const { at } = this.#book.get<Start>(first, now) ?? (await this.#book.claim<Start>(first, { at: now }, null))
    const until = at + validForMs
    return until > now ? until : null
  }
}

/** A client without a MAC (its gateway is a registered one) is told by its browser's proof, so by its cookie. */
function deviceOf({ form, redirect }: Attempt): string {
  if (redirect.mac !== '') return redirect.mac
  return createHash('sha256')
    .update(parameter(form, 'form', 64))
    .digest('hex')
    .slice(0, 24)
}
