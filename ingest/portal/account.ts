import { createHmac, randomInt } from 'node:crypto'
import type { SubjectData } from '../../access/subject-data.ts'
import { SUBJECTS, type Credential, type PendingCredential } from '../../access/subjects.ts'
import { FailureLimiter } from '../../common/failure-limiter.ts'
import { clientKey, clientLimiter } from './limits.ts'
import type { Mailer } from './mail.ts'
import { refused, type LoginMethod, type LoginResult } from './method.ts'
import { checkPassword, hashPassword, PasswordsBusy } from './password.ts'
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

export interface AccountOptions {
  readonly data: SubjectData
  /** The installation's secrets: the first one signs, the others are still accepted. */
  readonly secrets: readonly [string, ...string[]]
  readonly mailer: Mailer
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
  readonly #limits = clientLimiter()
  /** A sign-up sends mail and computes a hash, so it is limited to what a family needs. */
  readonly #signups = new FailureLimiter(5, 10 * MINUTES)
  readonly #mails = new FailureLimiter(5, 60 * MINUTES)
  readonly #codes = new FailureLimiter(10, 60 * MINUTES)

  constructor(options: AccountOptions) {
    this.#options = options
  }

  /** Login with the password of an account. */
  readonly login: LoginMethod = {
    login: async (attempt) => {
      const { form, now } = attempt
      const account = accountName(parameter(form, 'email', 254))
      const key = clientKey(attempt)
      if (!this.#limits.allows(key, account ?? '', now)) return refused('error.rate', 429)
      const credential = account === null ? undefined : this.#find(account, now)
      return withPasswords(async () => {
        const right = await checkPassword(
          parameter(form, 'password', MAX_PASSWORD_CHARACTERS),
          credential?.password ?? null,
        )
        if (right && account !== null) return { granted: true, account, until: null, validateBy: null }
        this.#limits.failed(key, account ?? '', now)
        return refused('error.account')
      })
    },
  }

  /** Login with a new account, whose address must be confirmed. */
  readonly signup: LoginMethod = {
    login: async (attempt) => {
      const { form, now, language } = attempt
      const account = accountName(parameter(form, 'email', 254))
      const password = parameter(form, 'password', MAX_PASSWORD_CHARACTERS)
      if (account === null) return refused('error.email')
      if ([...password].length < MIN_PASSWORD_CHARACTERS) return refused('error.password')
      const key = clientKey(attempt)
      if (!this.#signups.allows(key, now) || !this.#mails.allows(account, now)) return refused('error.rate', 429)
      this.#signups.failed(key, now)
      this.#mails.failed(account, now)
      const validateBy = now + this.#options.validationTimeMs
      return withPasswords(async () => {
        const hash = await hashPassword(password)
        const issued = (sessionId: string) => this.#invite(sessionId, { account, password: hash }, validateBy, language)
        return { granted: true, account, until: null, validateBy, issued }
      })
    },
  }

  /**
   * Confirms the sign-up of a session with the mailed code.
   * @returns whether the code was right and in time; null: too many wrong codes
   */
  async confirm(sessionId: string, typed: string, now: number): Promise<boolean | null> {
    const { data } = this.#options
    if (!this.#codes.allows(sessionId, now)) return null
    const pending = data.get(SUBJECTS.pendingCredential, sessionId, now)
    if (pending === undefined || !sameProof(pending.code, this.#codeHash(sessionId, typed.replace(/\D/g, '')))) {
      this.#codes.failed(sessionId, now)
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

async function withPasswords(work: () => Promise<LoginResult>): Promise<LoginResult> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof PasswordsBusy) return refused('error.unavailable', 503)
    throw error
  }
}
