import { createHmac, randomBytes, randomInt } from 'node:crypto'
import type { SubjectData } from '../access/subject-data.ts'
import { SUBJECTS, type Credential, type PendingCredential } from '../access/subjects.ts'
import { sameProof } from '../access/voucher-code.ts'
import type { Looks } from './look.ts'
import type { Mailer } from './mail.ts'
import type { Redirect } from './request.ts'

/*
 * Sign-ups whose address is not confirmed yet. A sign-up is a `pendingCredential` under its session. The mail has a code and a link, and both
 * lead to the sign-up in any browser: `confirmation` is found by a keyed hash of the link, or of the address and the code.
 */

const CODE_DIGITS = 8
const LINK_BYTES = 24
/** A link is too long to be guessed, so it may be good for longer than the code. */
const LINK_MS = 24 * 3_600_000
/** Sessions that wait for one confirmation; more of them have to log in again after it. */
const MAX_SESSIONS = 8

export interface SignUpsOptions {
  readonly data: SubjectData
  /** The installation's secrets: the first one signs, the others are still accepted. */
  readonly secrets: readonly [string, ...string[]]
  readonly mailer: Mailer
  readonly looks: Looks
  /** Where browsers reach the portal; null: not known, so mails have no link. */
  readonly portalUrl: string | null
}

/** An unconfirmed sign-up. */
export interface SignUp {
  readonly sessionId: string
  readonly pending: PendingCredential
}

/** A confirmed one. */
export interface Confirmed {
  /** Sessions that may stay online; empty: the time for confirming is over. */
  readonly sessions: readonly string[]
  readonly pending: PendingCredential
}

export interface Invitation {
  readonly credential: Credential
  readonly redirect: Redirect
  readonly validateBy: number
  readonly language: string
  readonly now: number
}

export class SignUps {
  readonly #options: SignUpsOptions

  constructor(options: SignUpsOptions) {
    this.#options = options
  }

  /** Stores a sign-up and mails its code and link. False: it cannot be sent now. */
  async invite(sessionId: string, { credential, redirect, validateBy, language, now }: Invitation): Promise<boolean> {
    const { data, mailer, looks, portalUrl } = this.#options
    const { account } = credential
    const code = String(randomInt(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, '0')
    const link = randomBytes(LINK_BYTES).toString('hex')
    const { gwId, gwAddress, gwPort, mac, url } = redirect
    const visit = { gwId, gwAddress, gwPort, mac, url }
    const pending: PendingCredential = {
      ...credential,
      code: this.#hash(ofSession(sessionId, code)),
      validateBy,
      ...visit,
    }
    const until = Math.max(validateBy, now + LINK_MS)
    await data.put(SUBJECTS.pendingCredential, sessionId, pending, until)
    await Promise.all([
      data.put(SUBJECTS.confirmation, this.#hash(ofAddress(account, code)), { sessionId }, validateBy),
      data.put(SUBJECTS.confirmation, this.#hash(ofLink(link)), { sessionId }, until),
      data.put(SUBJECTS.unconfirmed, this.#hash(ofAccount(account)), { sessionId }, until),
    ])
    const texts = looks.languages(gwId).choose(language)
    const parts = [texts.text('mail.text', { code })]
    if (portalUrl !== null) {
      const address = `${portalUrl.replace(/\/+$/, '')}/gw_message?gw_id=${encodeURIComponent(gwId)}&confirm=${link}`
      parts.push(`${texts.text('mail.link')}\n${address}`)
    }
    parts.push(texts.text('mail.ignore'))
    return mailer.send({
      to: account,
      subject: texts.text('mail.subject', { brand: texts.text('brand') }),
      text: `${parts.join('\n\n')}\n`,
    })
  }

  /** @throws GatepostError LOG_UNAVAILABLE */
  byLink(link: string, now: number): SignUp | null {
    return /^[0-9a-f]{48}$/.test(link) ? this.#found((secret) => this.#hash(ofLink(link), secret), now) : null
  }

  /** @throws GatepostError LOG_UNAVAILABLE */
  byCode(account: string, code: string, now: number): SignUp | null {
    return this.#found((secret) => this.#hash(ofAddress(account, code), secret), now)
  }

  /** The sign-up of the session itself. @throws GatepostError LOG_UNAVAILABLE */
  bySession(sessionId: string, code: string, now: number): SignUp | null {
    const pending = this.#options.data.get(SUBJECTS.pendingCredential, sessionId, now)
    if (pending === undefined || (pending.validateBy ?? Infinity) <= now) return null
    const hashes = this.#options.secrets.map((secret) => this.#hash(ofSession(sessionId, code), secret))
    return hashes.some((hash) => sameProof(pending.code, hash)) ? { sessionId, pending } : null
  }

  /** The latest sign-up of an account; null: there is none, or it is confirmed. @throws GatepostError LOG_UNAVAILABLE */
  latest(account: string, now: number): SignUp | null {
    const { data, secrets } = this.#options
    for (const secret of secrets) {
      const of = data.get(SUBJECTS.unconfirmed, this.#hash(ofAccount(account), secret), now)
      const pending = of === undefined ? undefined : data.get(SUBJECTS.pendingCredential, of.sessionId, now)
      if (of !== undefined && pending !== undefined) return { sessionId: of.sessionId, pending }
    }
    return null
  }

  /** Another session of the account waits for the same confirmation. @throws GatepostError LOG_UNAVAILABLE */
  async join({ sessionId }: SignUp, joining: string, now: number): Promise<void> {
    const pending = this.#options.data.get(SUBJECTS.pendingCredential, sessionId, now)
    if (pending === undefined) return
    const sessions = [...(pending.sessions ?? []), joining].slice(-MAX_SESSIONS)
    const until = Math.max(pending.validateBy ?? 0, now + LINK_MS)
    await this.#options.data.put(SUBJECTS.pendingCredential, sessionId, { ...pending, sessions }, until)
  }

  /** What the sign-up leads to, once its password is the account's: its link and its code lead nowhere any more. */
  async confirmed({ sessionId, pending }: SignUp, now: number): Promise<Confirmed> {
    await this.#options.data.remove(SUBJECTS.pendingCredential, sessionId)
    const inTime = now < (pending.validateBy ?? Infinity)
    return { sessions: inTime ? [sessionId, ...(pending.sessions ?? [])] : [], pending }
  }

  #found(hashWith: (secret: string) => string, now: number): SignUp | null {
    const { data, secrets } = this.#options
    for (const secret of secrets) {
      const of = data.get(SUBJECTS.confirmation, hashWith(secret), now)
      const pending = of === undefined ? undefined : data.get(SUBJECTS.pendingCredential, of.sessionId, now)
      if (of !== undefined && pending !== undefined) return { sessionId: of.sessionId, pending }
    }
    return null
  }

  #hash(text: string, secret = this.#options.secrets[0]): string {
    return createHmac('sha256', secret).update(`gatepost: ${text}`).digest('hex')
  }
}

const ofSession = (sessionId: string, code: string) => `code ${sessionId} ${code}`
const ofAddress = (account: string, code: string) => `code of address ${account} ${code}`
const ofLink = (link: string) => `link ${link}`
const ofAccount = (account: string) => `unconfirmed ${account}`
