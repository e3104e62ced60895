import type { LoginMethodName } from '../access/login-methods.ts'
import type { SubjectData } from '../access/subject-data.ts'
import { SUBJECTS } from '../access/subjects.ts'
import type { Accounts } from './account.ts'
import { AttemptLimits, CLICKS } from './limits.ts'
import { limitedBy, refused, type Attempt, type LoginResult } from './method.ts'
import type { Redirect } from './request.ts'
import type { VoucherLogin } from './voucher.ts'

/*
 * Devices that logged in before go online with one click, or by themselves (GATEPOST_REMEMBER_DEVICE, docs/decisions/036-remembered-devices.md). A device is known by its MAC, which anybody can write into a
 * link; so it is remembered only where the gateway is registered with its sources and the browser comes from one of them, and its token is
 * bound to the MAC. The page does not say whose device it is.
 */

/** The value of a form's field `method`. */
export const REMEMBERED = 'remembered'

export type RememberedLogin = 'click' | 'automatic'

/** A device that comes back sooner was sent back by its gateway: another redirect would be one of a circle. */
const AUTOMATIC_AGAIN_MS = 60_000

export interface RememberedOptions {
  readonly data: SubjectData
  readonly forMs: number
  readonly login: RememberedLogin
  /** Whether the gateway is registered with sources, and the address is one of them. */
  readonly isSourceOf: (gwId: string, address: string) => boolean
  /** Methods that are offered. */
  readonly methods: readonly LoginMethodName[]
  readonly vouchers: VoucherLogin | null
  readonly accounts: Accounts | null
}

/** How the device logged in. */
export interface KnownDevice {
  readonly method: LoginMethodName
  readonly account: string
  /** It may go online without a click. */
  readonly isAutomatic: boolean
}

export class RememberedDevices {
  readonly #options: RememberedOptions
  readonly #clicks = new AttemptLimits(CLICKS)

  constructor(options: RememberedOptions) {
    this.#options = options
  }

  /** Whether devices go online without a click. */
  get isAutomatic(): boolean {
    return this.#options.login === 'automatic'
  }

  /** Null: the device is not known here. @throws GatepostError LOG_UNAVAILABLE */
  find({ gwId, mac }: Redirect, remoteIp: string, now: number): KnownDevice | null {
    const { data, isSourceOf, methods } = this.#options
    if (mac === '' || !isSourceOf(gwId, remoteIp)) return null
    const known = data.get(SUBJECTS.remembered, mac, now)
    const method = methods.find((each) => each === known?.method)
    if (known === undefined || method === undefined) return null
    const isAutomatic = this.isAutomatic && now - (known.automaticAt ?? 0) >= AUTOMATIC_AGAIN_MS
    return { method, account: known.account, isAutomatic }
  }

  /** What its method says now: a voucher may be over, and an account may be gone. @throws GatepostError LOG_UNAVAILABLE */
  async login(device: KnownDevice, attempt: Attempt): Promise<LoginResult> {
    const { vouchers, accounts } = this.#options
    const { origin, now } = attempt
    const limited = this.#clicks.refusal(origin, now)
    if (limited !== null) return limitedBy(limited)
    this.#clicks.tried(origin, now)
    const { method, account } = device
    if (method === 'voucher') return vouchers === null ? refused('error.voucher') : vouchers.again(account, attempt)
    if (method === 'account' && accounts?.exists(account, now) !== true) return refused('error.account')
    return { granted: true, account, until: null, validateBy: null }
  }

  /**
   * A click needs no remembering, and who has not confirmed an address is not known yet.
   * @param byItself the device went online without a click
   * @throws GatepostError LOG_UNAVAILABLE
   */
  async remember(
    result: LoginResult,
    method: LoginMethodName,
    { redirect, now }: Attempt,
    byItself: boolean,
  ): Promise<void> {
    const { data, forMs } = this.#options
    if (!result.granted || result.validateBy !== null || result.account === '' || redirect.mac === '') return
    const device = { account: result.account, method, ...(byItself ? { automaticAt: now } : {}) }
    await data.put(SUBJECTS.remembered, redirect.mac, device, now + forMs)
  }

  /** Whoever logs out wants to be asked again. @throws GatepostError LOG_UNAVAILABLE */
  async forget(mac: string, now: number): Promise<void> {
    const { data } = this.#options
    if (mac !== '' && data.get(SUBJECTS.remembered, mac, now) !== undefined) await data.remove(SUBJECTS.remembered, mac)
  }
}
