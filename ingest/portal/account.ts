import { createHmac, randomInt } from 'node:crypto'
import type { SubjectData } from '../../access/subject-data.ts'
import { SUBJECTS, type Credential, type PendingCredential } from '../../access/subjects.ts'
import { OldestFirstMap } from '../../access/oldest-first.ts'
import { AccountGuard } from '../../common/account-guard.ts'
import { FailureLimiter } from '../../common/failure-limiter.ts'
import { PasswordsBusy, type Lane } from './hash-queue.ts'
import {
  AttemptLimits,
  OF_ACCOUNT,
  SIGNUPS,
  WRONG_CODES,
  WRONG_PASSWORDS,
  type Limited,
  type Origin,
} from './limits.ts'
import type { MailLimits } from './mail-limits.ts'
import type { Mailer } from './mail.ts'
import { limitedBy, refused, type LoginMethod, type LoginResult } from './method.ts'
import { checkPassword, hashPassword } from './password.ts'
import { parameter } from './request.ts'
import type { Languages } from './texts.ts'
import { sameProof } from '../../access/voucher-code.ts'

/*
 * Login method `account`: an e-mail address and a password. In the access log, an account's password is a `credential` under a keyed hash of
 * the address, and a sign-up with an unconfirmed address is a `pendingCredential` under its session. A sign-up never checks whether the
 * account exists: it takes effect once the mailed code has been entered in the browser that signed up. So nobody can find out who has an
 * account or take one over without its mailbox, and a user who forgot the password signs up again.
 */

/** Shorter passwords are refused (NIST SP 800-63B, 5.1.1.2, asks for 8). */
export const MIN_PASSWORD_CHARACTERS = 10
const MAX_PASSWORD_CHARACTERS = 200
const CODE_DIGITS = 8
const MINUTES = 60_000
/** After so many wrong passwords the hashes of an origin wait behind those of others. */
const SUSPECT_AFTER = 3
const MAX_KNOWN = 10_000
const BUSY: Limited = { limit: 'busy', waitMs: 5000 }

export interface AccountOptions {
  readonly data: SubjectData
  /** The installation's secrets: the first one signs, the others are still accepted. */
  readonly secrets: readonly [string, ...string[]]
  readonly mailer: Mailer
  readonly mailLimits: MailLimits
  readonly languages: Languages
  readonly validationTimeMs: number
}

/** The account name for an address; null: not an address. */
export function accountName(typed: string): string | null {
  const address = typed.trim().toLowerCase()
  return address.length <= 254 && /^[^\s@<>(),;:"\\[\]]{1,64}@[^\s@<>(),;:"\\[\]]+\.[^\s@<>(),;:"\\[\]]+$/.test(address)
    ? address
    : null
}

export class Accounts {
  readonly #options: AccountOptions
  readonly #limits = new AttemptLimits(WRONG_PASSWORDS)
  readonly #guard = new AccountGuard(OF_ACCOUNT)
  readonly #signups = new AttemptLimits(SIGNUPS)
  readonly #codes = new AttemptLimits(WRONG_CODES)
  readonly #codesOfSession = new FailureLimiter(10, 60 * MINUTES)
  /** Wrong passwords of each origin. */
  readonly #wrong = new FailureLimiter(SUSPECT_AFTER, 10 * MINUTES)
  /** Origins where somebody knew a password. */
  readonly #known = new OldestFirstMap<true>(MAX_KNOWN)

  constructor(options: AccountOptions) {
    this.#options = options
  }

  /** Login with the password of an account. */
  readonly login: LoginMethod = {
    login: async (attempt) => {
      const { form, origin, now } = attempt
      const account = accountName(parameter(form, 'email', 254))
      const name = account ?? ''
      const limited = this.#limits.refusal(origin, now)
      if (limited !== null) return limitedBy(limited)
      const waitMs = this.#guard.waitMs(name, origin.address, now)
      if (waitMs > 0) return limitedBy({ limit: 'account', waitMs })
      this.#limits.tried(origin, now)
      this.#guard.tried(name, origin.address, now)
      const notWrong = () => {
        this.#limits.succeeded(origin, now)
        this.#guard.succeeded(name, origin.address, now)
      }
      const stored = (account === null ? undefined : this.#find(account, now))?.password ?? null
      const typed = parameter(form, 'password', MAX_PASSWORD_CHARACTERS)
      const turn = { lane: this.#laneOf(origin, now), origin: origin.key }
      return withPasswords(async () => {
        if (await checkPassword(typed, stored, turn)) {
          notWrong()
          this.#known.set(origin.key, true)
          return { granted: true, account: name, until: null, validateBy: null }
        }
        this.#wrong.failed(origin.key, now)
        return refused('error.account')
      }, notWrong)
    },
  }

  /** Login with a new account, whose address must be confirmed. */
  readonly signup: LoginMethod = {
    login: async (attempt) => {
      const { form, origin, now, language } = attempt
      const account = accountName(parameter(form, 'email', 254))
      const password = parameter(form, 'password', MAX_PASSWORD_CHARACTERS)
      if (account === null) return refused('error.email')
      if ([...password].length < MIN_PASSWORD_CHARACTERS) return refused('error.password')
      const limited = this.#signups.refusal(origin, now) ?? this.#options.mailLimits.take(account, origin, now)
      if (limited !== null) return limitedBy(limited)
      this.#signups.tried(origin, now)
      const validateBy = now + this.#options.validationTimeMs
      return withPasswords(async () => {
        const hash = await hashPassword(password, { lane: 'signup', origin: origin.key })
        const issued = (sessionId: string) => this.#invite(sessionId, { account, password: hash }, validateBy, language)
        return { granted: true, account, until: null, validateBy, issued }
      })
    },
  }

  /**
   * Confirms the sign-up of a session with the mailed code.
   * @returns whether the code was right and in time; Limited: too many wrong codes
   */
  async confirm(sessionId: string, typed: string, origin: Origin, now: number): Promise<boolean | Limited> {
    const { data } = this.#options
    const limited = this.#codes.refusal(origin, now)
    if (limited !== null) return limited
    if (!this.#codesOfSession.allows(sessionId, now))
      return { limit: 'session', waitMs: this.#codesOfSession.endsIn(sessionId, now) }
    const pending = data.get(SUBJECTS.pendingCredential, sessionId, now)
    if (pending === undefined || !sameProof(pending.code, this.#codeHash(sessionId, typed.replace(/\D/g, '')))) {
      this.#codesOfSession.failed(sessionId, now)
      this.#codes.tried(origin, now)
      return false
    }
    const { account, password } = pending
    await data.put(SUBJECTS.credential, this.#nameOf(account), { account, password }, null)
    return true
  }

  /** Stores a sign-up and mails its code. False: it cannot be sent now. */
  async #invite(sessionId: string, credential: Credential, validateBy: number, language: string): Promise<boolean> {
    const { data, mailer, languages } = this.#options
    const code = String(randomInt(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, '0')
    const pending: PendingCredential = { ...credential, code: this.#codeHash(sessionId, code) }
    await data.put(SUBJECTS.pendingCredential, sessionId, pending, validateBy)
    const texts = languages.choose(language)
    return mailer.send({
      to: credential.account,
      subject: texts.text('mail.subject', { brand: texts.text('brand') }),
      text: `${texts.text('mail.text', { code })}\n\n${texts.text('mail.ignore')}\n`,
    })
  }

  #laneOf({ key, gateway }: Origin, now: number): Lane {
    if (!this.#wrong.allows(key, now)) return 'suspect'
    return gateway !== null || this.#known.get(key) === true ? 'known' : 'unknown'
  }

  #find(account: string, now: number): Credential | undefined {
    for (const secret of this.#options.secrets) {
      const credential = this.#options.data.get(SUBJECTS.credential, this.#nameOf(account, secret), now)
      if (credential !== undefined) return credential
    }
    return undefined
  }

  #nameOf(account: string, secret = this.#options.secrets[0]): string {
    return createHmac('sha256', secret).update(`gatepost: account ${account}`).digest('hex').slice(0, 32)
  }

  #codeHash(sessionId: string, code: string): string {
    return createHmac('sha256', this.#options.secrets[0]).update(`gatepost: code ${sessionId} ${code}`).digest('hex')
  }
}

/** @param busy called if the work could not be done */
async function withPasswords(work: () => Promise<LoginResult>, busy = () => {}): Promise<LoginResult> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof PasswordsBusy)) throw error
    busy()
    return limitedBy(BUSY)
  }
}
