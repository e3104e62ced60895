import { AccountGuard } from '../../common/account-guard.ts'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { signedHeaders } from '../../common/signed-post.ts'
import { AttemptLimits, OF_ACCOUNT, WRONG_PASSWORDS, type Origin } from './limits.ts'
import { limitedBy, refused, type Attempt, type LoginMethod, type LoginResult } from './method.ts'
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

export interface WebhookOptions {
  readonly url: string
  readonly secret: string
  readonly timeoutMs: number
  readonly logger: Logger
}

/** Concurrent requests to the service; beyond them, logins are refused for the moment. */
const MAX_RUNNING = 64
/** Of them those of one address, and of one registered gateway. */
const MAX_RUNNING_OF = { address: 8, gateway: 32 } as const
const ANSWER_MAX_BYTES = 16 * 1024

interface WebhookAnswer {
  readonly allow: boolean
  readonly account: string
  readonly seconds: number | null
}

export class WebhookLogin implements LoginMethod {
  readonly #options: WebhookOptions
  readonly #limits = new AttemptLimits(WRONG_PASSWORDS)
  readonly #accounts = new AccountGuard(OF_ACCOUNT)
  /** By origin; bounded by MAX_RUNNING. */
  readonly #runningOf = new Map<string, number>()
  #running = 0
  /** Requests without a valid answer. */
  outages = 0

  constructor(options: WebhookOptions) {
    this.#options = options
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
    if (!this.#enter(origin)) return limitedBy({ limit: 'busy', waitMs: this.#options.timeoutMs })
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
      this.outages++
      this.#options.logger.error(
        { error: messageOf(error) },
        'portal: the login webhook gave no valid answer; the login was refused',
      )
      return refused('error.webhook_down', 503)
    } finally {
      this.#leave(origin)
    }
  }

  #enter({ key, gateway }: Origin): boolean {
    const own = this.#runningOf.get(key) ?? 0
    const most = gateway?.isGateway === true ? MAX_RUNNING_OF.gateway : MAX_RUNNING_OF.address
    if (this.#running >= MAX_RUNNING || own >= most) return false
    this.#running++
    this.#runningOf.set(key, own + 1)
    return true
  }

  #leave({ key }: Origin): void {
    this.#running--
    const own = (this.#runningOf.get(key) ?? 1) - 1
    if (own === 0) this.#runningOf.delete(key)
    else this.#runningOf.set(key, own)
  }

  async #ask({ form, redirect, language, now }: Attempt, username: string): Promise<WebhookAnswer> {
    const { url, secret, timeoutMs } = this.#options
    const { gwId, mac, ip } = redirect
    const password = parameter(form, 'password', 200)
    const body = JSON.stringify({ username, password, gw_id: gwId, mac, ip, language })
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: signedHeaders(secret, body, now),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (response.status === 401 || response.status === 403) {
      await response.body?.cancel()
      return { allow: false, account: '', seconds: null }
    }
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`status ${response.status}`)
    }
    return parseAnswer(await boundedText(response))
  }
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += (part as Uint8Array).length
    if (length > ANSWER_MAX_BYTES) throw new Error(`more than ${ANSWER_MAX_BYTES} bytes`)
    parts.push(part as Uint8Array)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parseAnswer(text: string): WebhookAnswer {
  const parsed = JSON.parse(text) as unknown
  if (typeof parsed !== 'object' || parsed === null) throw new Error('not a JSON object')
  const { allow, account, seconds } = parsed as Record<string, unknown>
  if (typeof allow !== 'boolean') throw new Error('allow is neither true nor false')
  if (account !== undefined && typeof account !== 'string') throw new Error('account is not a text')
  if (seconds !== undefined && seconds !== null && !(typeof seconds === 'number' && seconds > 0))
    throw new Error('seconds is not a number above 0')
  return { allow, account: (account ?? '').slice(0, 254), seconds: seconds ?? null }
}
