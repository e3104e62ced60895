import { signedHeaders } from '../common/signed-post.ts'
import type { Origin } from './limits.ts'

/* The operator's own service, which decides about logins (methods `webhook` and `code`). */

export interface ServiceOptions {
  readonly url: string
  readonly secret: string
  readonly timeoutMs: number
}

/** Concurrent requests to a service; beyond them, logins are refused for the moment. */
const MAX_RUNNING = 64
/** Of them those of one address, and of one registered gateway. */
const MAX_RUNNING_OF = { address: 8, gateway: 32 } as const
const ANSWER_MAX_BYTES = 16 * 1024

/** Whether somebody may go online. */
export interface Permission {
  readonly allow: boolean
  /** Empty: the service names none. */
  readonly account: string
  readonly seconds: number | null
}

export class OperatorService {
  readonly #options: ServiceOptions
  /** By origin; bounded by MAX_RUNNING. */
  readonly #runningOf = new Map<string, number>()
  #running = 0

  constructor(options: ServiceOptions) {
    this.#options = options
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs
  }

  /** Takes a turn; false: too many are running. */
  enter({ key, gateway }: Origin): boolean {
    const own = this.#runningOf.get(key) ?? 0
    const most = gateway?.isGateway === true ? MAX_RUNNING_OF.gateway : MAX_RUNNING_OF.address
    if (this.#running >= MAX_RUNNING || own >= most) return false
    this.#running++
    this.#runningOf.set(key, own + 1)
    return true
  }

  leave({ key }: Origin): void {
    this.#running--
    const own = (this.#runningOf.get(key) ?? 1) - 1
    if (own === 0) this.#runningOf.delete(key)
    else this.#runningOf.set(key, own)
  }

  /** The JSON object that it answers; null: it says no (401, 403). Throws if it gives no valid answer in time. */
  async ask(question: object, now: number): Promise<Readonly<Record<string, unknown>> | null> {
    const { url, secret, timeoutMs } = this.#options
    const body = JSON.stringify(question)
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: signedHeaders(secret, body, now),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (response.status === 401 || response.status === 403) {
      await response.body?.cancel()
      return null
    }
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`status ${response.status}`)
    }
    const parsed = JSON.parse(await boundedText(response)) as unknown
    if (typeof parsed !== 'object' || parsed === null) throw new Error('not a JSON object')
    return parsed as Record<string, unknown>
  }

  /** @param question about somebody who wants to go online */
  async permission(question: object, now: number): Promise<Permission> {
    const answer = await this.ask(question, now)
    if (answer === null) return { allow: false, account: '', seconds: null }
    const { allow, account, seconds } = answer
    if (typeof allow !== 'boolean') throw new Error('allow is neither true nor false')
    if (account !== undefined && typeof account !== 'string') throw new Error('account is not a text')
    if (seconds !== undefined && seconds !== null && !(typeof seconds === 'number' && seconds > 0))
      throw new Error('seconds is not a number above 0')
    return { allow, account: (account ?? '').slice(0, 254), seconds: seconds ?? null }
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
