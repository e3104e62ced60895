import { AccountGuard } from '../common/account-guard.ts'
import { messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { AttemptLimits, OF_ACCOUNT, WRONG_PASSWORDS } from './limits.ts'
import { limitedBy, refused, type Attempt, type LoginMethod, type LoginResult } from './method.ts'
import { OperatorService, type Permission, type ServiceOptions } from './operator-service.ts'
import { parameter } from './request.ts'

/*
 * Login method `webhook`: the operator's own service decides who may go online. It receives
 *
 *  POST <url>
 *  Content-Type: application/json
 *  X-Gatepost-Timestamp: <seconds since the epoch>
 *  X-Gatepost-Signature: sha256=<hex HMAC-SHA-256 of timestamp "." body under the webhook's secret>
 *
 *  {"username":"…","password":"…","gw_id":"…","mac":"…","ip":"…","language":"de"}
 *
 * and answers 200 with {"allow":true,"account":"…","seconds":3600} or {"allow":false}. account and seconds (the maximum session time) are
 * optional. 401 and 403 also mean no. Any other answer, or none in time, counts as an outage.
 */

export interface WebhookOptions extends ServiceOptions {
  readonly logger: Logger
}

export class WebhookLogin implements LoginMethod {
  readonly #service: OperatorService
  readonly #logger: Logger
  readonly #limits = new AttemptLimits(WRONG_PASSWORDS)
  readonly #accounts = new AccountGuard(OF_ACCOUNT)

  constructor({ logger, ...service }: WebhookOptions) {
    this.#service = new OperatorService(service)
    this.#logger = logger
  }

  async login(attempt: Attempt): Promise<LoginResult> {
    const { form, origin, now } = attempt
    const username = parameter(form, 'username', 254).trim()
    if (username === '') return refused('error.webhook')
    // The service may not distinguish capitals.
    const account = username.toLowerCase()
    const limited = this.#limits.refusal(origin, now)
    if (limited !== null) return limitedBy(limited)
    const waitMs = this.#accounts.waitMs(account, origin.address, now)
    if (waitMs > 0) return limitedBy({ limit: 'account', waitMs })
    if (!this.#service.enter(origin)) return limitedBy({ limit: 'busy', waitMs: this.#service.timeoutMs })
    this.#limits.tried(origin, now)
    this.#accounts.tried(account, origin.address, now)
    const notWrong = () => {
      this.#limits.succeeded(origin, now)
      this.#accounts.succeeded(account, origin.address, now)
    }
    try {
      const answer = await this.#ask(attempt, username)
      if (answer.allow) {
        notWrong()
        const until = answer.seconds === null ? null : now + answer.seconds * 1000
        return { granted: true, account: answer.account || username, until, validateBy: null }
      }
      return refused('error.webhook')
    } catch (error) {
      notWrong()
      this.#logger.error(
        { event: 'portal.webhook_failed', error: messageOf(error) },
        'portal: the login webhook gave no valid answer; the login was refused',
      )
      return refused('error.webhook_down', 503)
    } finally {
      this.#service.leave(origin)
    }
  }

  #ask({ form, redirect, language, now }: Attempt, username: string): Promise<Permission> {
    const { gwId, mac, ip } = redirect
    const password = parameter(form, 'password', 200)
    return this.#service.permission({ username, password, gw_id: gwId, mac, ip, language }, now)
  }
}
