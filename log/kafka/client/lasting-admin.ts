import { within } from '../../../common/within.ts'
import { connectAdmin } from './admin.ts'
import { asRequest } from './errors.ts'
import type { KafkaAdmin, KafkaOptions } from './port.ts'

/** Time limit for a request, including retries. */
const ANSWER_WITHIN_MS = 20_000
const CLOSE_WITHIN_MS = 5000

/**
 * Sends administrative requests over one connection as long as they succeed. After a failure the next request uses a new client: kafkajs
 * does not refresh its metadata when a broker is no longer the leader, but by the wall clock; after the clock was set back it keeps asking
 * the same broker until the time is reached again.
 */
export class LastingAdmin {
  readonly #options: KafkaOptions
  #admin: Promise<KafkaAdmin> | null = null
  #closed = false

  constructor(options: KafkaOptions) {
    this.#options = options
  }

  /**
   * @throws KafkaUnavailable: cannot be connected; KafkaRequestError: what the brokers answer, or no answer in time; Error: it is closed, as
   *   it may be between two requests of one task, and a connection made then would stay for ever
   */
  async ask<T>(request: (admin: KafkaAdmin) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('the admin client is closed')
    const admin = (this.#admin ??= connectAdmin(this.#options))
    try {
      return await asRequest(() => within(ANSWER_WITHIN_MS, admin.then(request)))
    } catch (error) {
      if (this.#admin === admin) this.#admin = null
      void admin.then((failed) => failed.close()).catch(() => {})
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const admin = this.#admin
    this.#admin = null
    await within(CLOSE_WITHIN_MS, Promise.resolve(admin?.then((open) => open.close()))).catch(() => {})
  }
}
