import { createHmac } from 'node:crypto'
import type { SubjectData } from '../access/subject-data.ts'
import { SUBJECTS, type Credential } from '../access/subjects.ts'
import { OldestFirstMap } from '../access/oldest-first.ts'
import { AccountGuard } from '../common/account-guard.ts'
import { FailureLimiter } from '../common/failure-limiter.ts'
import type { Confirmed, SignUp, SignUps } from './confirmation.ts'
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
import { limitedBy, refused, type BegunSession, type LoginMethod, type LoginResult } from './method.ts'
import type { Passwords } from './password.ts'
import { parameter } from './request.ts'

/*
 * Login method `account`: an e-mail address and a password. In the access log, an account's password is a `credential` under a keyed hash of
 * the address; confirmation.ts has the sign-ups with an unconfirmed address. A sign-up never checks whether the account exists: it takes
 * effect once the address is confirmed by the mail. So nobody can find out who has an account or take one over without its mailbox, and a user
 * who forgot the password signs up again. Whoever confirms in another browser than the one that signed up may be the owner of the mailbox, but
 * not the person who signed up: if the account exists already, the page then asks for the new password too.
 */

/** Shorter passwords are refused (NIST SP 800-63B, 5.1.1.2, asks for 8). */
export const MIN_PASSWORD_CHARACTERS = 10
const MAX_PASSWORD_CHARACTERS = 200
const MINUTES = 60_000
/** Wrong codes of a session, and for an address. The link works all the same. */
const CODES_PER_HOUR = 10
/** After so many wrong passwords the hashes of an origin wait behind those of others. */
const SUSPECT_AFTER = 3
const MAX_KNOWN = 10_000
const BUSY: Limited = { limit: 'busy', waitMs: 5000 }

export interface AccountOptions {
  readonly data: SubjectData
  /** The installation's secrets: the first one signs, the others are still accepted. */
  readonly secrets: readonly [string, ...string[]]
  readonly signUps: SignUps
  readonly passwords: Passwords
  readonly mailLimits: MailLimits
  readonly validationTimeMs: number
}

/** The account name for an address; null: not an address. */
export function accountName(typed: string): string | null {
  const address = typed.trim().toLowerCase()
  return address.length <= 254 && /^[^\s@<>(),;:"\\[\]]{1,64}@[^\s@<>(),;:"\\[\]]+\.[^\s@<>(),;:"\\[\]]+$/.test(address)
    ? address
    : null
}

/** What confirms an address. */
export interface Confirmation {
  /** The session of the browser; empty: not known. */
  readonly sessionId: string
  /** As typed; null: the browser's session tells whose code it is. */
  readonly email: string | null
  readonly code: string
  /** Of the mailed link; empty: a code was entered. */
  readonly link: string
  /** As typed; empty: it was not asked for. */
  readonly password: string
  readonly origin: Origin
  readonly now: number
}

/** Why an address was not confirmed; `password`: the password of the sign-up is needed too, and is missing or wrong. */
export type Unconfirmed = 'wrong' | 'password'

export class Accounts {
  readonly #options: AccountOptions
  readonly #limits = new AttemptLimits(WRONG_PASSWORDS)
  readonly #guard = new AccountGuard(OF_ACCOUNT)
  readonly #signups = new AttemptLimits(SIGNUPS)
  readonly #codes = new AttemptLimits(WRONG_CODES)
  readonly #codesOfSession = new FailureLimiter(CODES_PER_HOUR, 60 * MINUTES)
  /** Wrong codes, and passwords with right ones, for an e-mail address. */
  readonly #codesOfAccount = new FailureLimiter(CODES_PER_HOUR, 60 * MINUTES)
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
        if (await this.#options.passwords.check(typed, stored, turn)) {
          notWrong()
          this.#known.set(origin.key, true)
          return { granted: true, account: name, until: null, validateBy: null }
        }
        // Whether there is a sign-up does not depend on whether the account exists, so how long this takes does not tell either.
        const signUp = account === null ? null : this.#options.signUps.latest(account, now)
        if (signUp !== null && (await this.#options.passwords.check(typed, signUp.pending.password, turn))) {
          notWrong()
          return this.#waiting(signUp, now)
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
        const hash = await this.#options.passwords.hash(password, { lane: 'signup', origin: origin.key })
        const invitation = {
          credential: { account, password: hash },
          redirect: attempt.redirect,
          validateBy,
          language,
          now,
        }
        const issued = ({ sessionId }: BegunSession) => this.#options.signUps.invite(sessionId, invitation)
        return { granted: true, account, until: null, validateBy, issued }
      })
    },
  }

  /** Whether there is a confirmed account of this name. @throws GatepostError LOG_UNAVAILABLE */
  exists(account: string, now: number): boolean {
    return this.#find(account, now) !== undefined
  }

  /** Whether this session signed up, so that the code alone says which address it is for. @throws GatepostError LOG_UNAVAILABLE */
  hasSignedUp(sessionId: string, now: number): boolean {
    return sessionId !== '' && this.#options.data.get(SUBJECTS.pendingCredential, sessionId, now) !== undefined
  }

  /** What a link is for; null: it was used, or is too old. @throws GatepostError LOG_UNAVAILABLE */
  ofLink(link: string, now: number): { readonly account: string; readonly needsPassword: boolean } | null {
    const signUp = this.#options.signUps.byLink(link, now)
    if (signUp === null) return null
    const { account } = signUp.pending
    return { account, needsPassword: this.#find(account, now) !== undefined }
  }

  /**
   * Confirms a sign-up.
   * @returns Limited: too many wrong codes
   * @throws GatepostError LOG_UNAVAILABLE
   */
  async confirm(by: Confirmation): Promise<Confirmed | Unconfirmed | Limited> {
    const { sessionId, link, origin, now } = by
    const account = by.email === null ? null : (accountName(by.email) ?? '')
    const limited = this.#codes.refusal(origin, now) ?? this.#tooManyCodes(link === '' ? sessionId : '', account, now)
    if (limited !== null) return limited
    const found = this.#signUpOf(by, account)
    if (found === null) {
      this.#codes.tried(origin, now)
      if (link === '' && account !== null) this.#codesOfAccount.failed(account, now)
      else if (link === '' && sessionId !== '') this.#codesOfSession.failed(sessionId, now)
      return 'wrong'
    }
    const { pending } = found
    if (found.sessionId !== sessionId && this.#find(pending.account, now) !== undefined) {
      const refusal = by.password === '' ? 'password' : await this.#checked(pending, by)
      if (refusal !== null) return refusal
    }
    const { account: name, password } = pending
    await this.#options.data.put(SUBJECTS.credential, this.#nameOf(name), { account: name, password }, null)
    return this.#options.signUps.confirmed(found, now)
  }

  #signUpOf({ sessionId, code, link, now }: Confirmation, account: string | null): SignUp | null {
    const { signUps } = this.#options
    if (link !== '') return signUps.byLink(link, now)
    const digits = code.replace(/\D/g, '')
    const own = sessionId === '' ? null : signUps.bySession(sessionId, digits, now)
    if (own !== null && (account === null || own.pending.account === account)) return own
    return account === null || account === '' ? null : signUps.byCode(account, digits, now)
  }

  #tooManyCodes(sessionId: string, account: string | null, now: number): Limited | null {
    if (account !== null) {
      const of = this.#codesOfAccount
      return of.allows(account, now) ? null : { limit: 'account', waitMs: of.endsIn(account, now) }
    }
    const of = this.#codesOfSession
    return sessionId === '' || of.allows(sessionId, now)
      ? null
      : { limit: 'session', waitMs: of.endsIn(sessionId, now) }
  }

  /** Checks the password of a sign-up; null: it is right. A link must not be a way to guess it, so wrong ones count as wrong codes. */
  async #checked(pending: Credential, { password, origin, now }: Confirmation): Promise<Unconfirmed | Limited | null> {
    const { account } = pending
    const limited = this.#tooManyCodes('', account, now)
    if (limited !== null) return limited
    this.#codes.tried(origin, now)
    this.#codesOfAccount.failed(account, now)
    const notWrong = () => {
      this.#codes.succeeded(origin, now)
      this.#codesOfAccount.forgive(account, now)
    }
    try {
      const turn = { lane: this.#laneOf(origin, now), origin: origin.key }
      if (!(await this.#options.passwords.check(password, pending.password, turn))) return 'password'
    } catch (error) {
      notWrong()
      if (!(error instanceof PasswordsBusy)) throw error
      return BUSY
    }
    notWrong()
    return null
  }

  /** Somebody who has not confirmed yet logs in: online until the same deadline as the sign-up. */
  #waiting(signUp: SignUp, now: number): LoginResult {
    const { account, validateBy } = signUp.pending
    if (validateBy === undefined || validateBy <= now) return refused('error.unconfirmed')
    const issued = async ({ sessionId }: BegunSession) => {
      await this.#options.signUps.join(signUp, sessionId, now)
      return true
    }
    return { granted: true, account, until: null, validateBy, issued }
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
