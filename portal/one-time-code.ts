import { AccountGuard } from '../common/account-guard.ts'
import { messageOf } from '../common/errors.ts'
import { FailureLimiter } from '../common/failure-limiter.ts'
import type { Logger } from '../common/logger.ts'
import { AttemptLimits, OF_ACCOUNT, SIGNUPS, WRONG_CODES, type Limited, type Origin } from './limits.ts'
import { limitedBy, refused, type Attempt, type LoginMethod, type LoginResult } from './method.ts'
import { OperatorService, type ServiceOptions } from './operator-service.ts'
import { parameter } from './request.ts'

/*
 * Login method `code`: the operator's service sends a one-time code to a telephone number, and says later whether a code is right. It receives
 * signed requests as those of method `webhook`:
 *
 *  {"step":"send","to":"+442079460000","gw_id":"…","mac":"…","ip":"…","language":"de"}             → {"sent":true}
 *  {"step":"check","to":"+442079460000","code":"123456","gw_id":"…","mac":"…","ip":"…","language":"de"} → {"allow":true,"account":"…","seconds":3600}
 *
 * The service makes the codes, so that any provider of messages fits, and the portal keeps nothing.
 */

const HOUR_MS = 3_600_000
/** Messages cost money: to one number in an hour, from one address and from all. */
const OF_ADDRESS = 3
const TO_NUMBER = 6

export interface CodeOptions extends ServiceOptions {
  readonly logger: Logger
}

/** In the form of E.164, but for the plus sign of those who leave it out; null: not a number. */
function telephoneNumber(typed: string): string | null {
  const text = typed.trim().replace(/^00/, '+')
  if (!/^\+?[\d\s()/.-]{6,40}$/.test(text)) return null
  const digits = text.replace(/\D/g, '')
  return digits.length < 6 || digits.length > 15 ? null : `${text.startsWith('+') ? '+' : ''}${digits}`
}

export class CodeLogin implements LoginMethod {
  readonly #service: OperatorService
  readonly #logger: Logger
  readonly #sends = new AttemptLimits(SIGNUPS)
  readonly #pairs = new FailureLimiter(OF_ADDRESS, HOUR_MS)
  readonly #numbers = new FailureLimiter(TO_NUMBER, HOUR_MS)
  readonly #checks = new AttemptLimits(WRONG_CODES)
  readonly #guard = new AccountGuard(OF_ACCOUNT)

  constructor({ logger, ...service }: CodeOptions) {
    this.#service = new OperatorService(service)
    this.#logger = logger
  }

  async login(attempt: Attempt): Promise<LoginResult> {
    const { form, origin } = attempt
    const to = telephoneNumber(parameter(form, 'to', 64))
    if (to === null) return refused('error.number')
    if (!this.#service.enter(origin)) return limitedBy({ limit: 'busy', waitMs: this.#service.timeoutMs })
    try {
      return form.has('code') ? await this.#check(to, attempt) : await this.#send(to, attempt)
    } catch (error) {
      this.#logger.error(
        { event: 'portal.code_service_failed', error: messageOf(error) },
        'portal: the service for one-time codes gave no valid answer; the login was refused',
      )
      return refused('error.webhook_down', 503)
    } finally {
      this.#service.leave(origin)
    }
  }

  async #send(to: string, attempt: Attempt): Promise<LoginResult> {
    const { origin, now } = attempt
    const limited = this.#sends.refusal(origin, now) ?? this.#tooManyTo(to, origin, now)
    if (limited !== null) return limitedBy(limited)
    this.#sends.tried(origin, now)
    this.#pairs.failed(`${origin.address} ${to}`, now)
    this.#numbers.failed(to, now)
    const answer = await this.#service.ask({ step: 'send', to, ...about(attempt) }, now)
    if (answer !== null && typeof answer['sent'] !== 'boolean') throw new Error('sent is neither true nor false')
    if (answer?.['sent'] !== true) return refused('error.number')
    return { granted: false, error: '', code: 200, limited: null, asksCodeFor: to }
  }

  async #check(to: string, attempt: Attempt): Promise<LoginResult> {
    const { form, origin, now } = attempt
    const limited = this.#checks.refusal(origin, now)
    if (limited !== null) return { ...limitedBy(limited), asksCodeFor: to }
    const waitMs = this.#guard.waitMs(to, origin.address, now)
    if (waitMs > 0) return { ...limitedBy({ limit: 'account', waitMs }), asksCodeFor: to }
    this.#checks.tried(origin, now)
    this.#guard.tried(to, origin.address, now)
    const notWrong = () => {
      this.#checks.succeeded(origin, now)
      this.#guard.succeeded(to, origin.address, now)
    }
    try {
      const code = parameter(form, 'code', 64).trim()
      const answer = await this.#service.permission({ step: 'check', to, code, ...about(attempt) }, now)
      if (!answer.allow) return { ...refused('error.code'), asksCodeFor: to }
      notWrong()
      const until = answer.seconds === null ? null : now + answer.seconds * 1000
      return { granted: true, account: answer.account || to, until, validateBy: null }
    } catch (error) {
      notWrong()
      throw error
    }
  }

  #tooManyTo(to: string, { address }: Origin, now: number): Limited | null {
    const pair = `${address} ${to}`
    if (!this.#pairs.allows(pair, now)) return { limit: 'account', waitMs: this.#pairs.endsIn(pair, now) }
    if (!this.#numbers.allows(to, now)) return { limit: 'account', waitMs: this.#numbers.endsIn(to, now) }
    return null
  }
}

function about({ redirect: { gwId, mac, ip }, language }: Attempt): object {
  return { gw_id: gwId, mac, ip, language }
}
