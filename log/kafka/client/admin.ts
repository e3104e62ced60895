import type { Admin } from 'kafkajs'
import { createKafka, type KafkaOptions } from './connection.ts'
import { connectProblem, logUnavailable } from './errors.ts'

/** A broker that accepts connections and says nothing is given up after this. */
const CONNECT_WITHIN_MS = 5000
/** Administrative requests change nothing when they are made twice: here kafkajs may repeat them. */
const RETRY = { retries: 4, initialRetryTime: 150, maxRetryTime: 1500 }
const REQUEST_TIMEOUT_MS = 10_000
/** One question, with what kafkajs repeats of it. */
const ANSWER_WITHIN_MS = 20_000

/**
 * A connected admin client, through whichever broker answers first. kafkajs itself would wait for the first broker of the list as long as
 * that one keeps the connection open.
 * @throws GatepostError LOG_UNAVAILABLE: says whether it is the address, the login or the certificate
 */
export async function connectAdmin(options: KafkaOptions): Promise<Admin> {
  let failure: unknown = new Error('no brokers are given')
  for (let first = 0; first < options.brokers.length; first++) {
    const brokers = [...options.brokers.slice(first), ...options.brokers.slice(0, first)]
    const admin = createKafka({ ...options, brokers }, { retry: RETRY, requestTimeout: REQUEST_TIMEOUT_MS }).admin({
      retry: RETRY,
    })
    try {
      await within(CONNECT_WITHIN_MS, probe(admin))
      return admin
    } catch (error) {
      failure = error
      void admin.disconnect().catch(() => {})
      // The other brokers would say the same.
      if (connectProblem(error) !== 'away') break
    }
  }
  throw logUnavailable(failure, options)
}

/** A broker that wants a login closes the connection at the first request, not before. */
async function probe(admin: Admin): Promise<void> {
  await admin.connect()
  await admin.describeCluster()
}

/** Runs `use` with an admin client that is closed afterwards. Errors of the brokers come out as they are. */
export async function withAdmin<T>(options: KafkaOptions, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = await connectAdmin(options)
  try {
    return await use(admin)
  } finally {
    await within(CONNECT_WITHIN_MS, admin.disconnect()).catch(() => {})
  }
}

/**
 * Administrative requests over one connection for as long as they succeed. After a failure the next one begins with a new client: kafkajs
 * learns nothing by being refused by a broker that is no leader any more, and refreshes its metadata by the wall clock. After that was
 * set back it asks the same broker in vain until the time has come again.
 */
export class LastingAdmin {
  readonly #options: KafkaOptions
  #admin: Promise<Admin> | null = null

  constructor(options: KafkaOptions) {
    this.#options = options
  }

  /** @throws GatepostError LOG_UNAVAILABLE: cannot be connected; Error: whatever the brokers answer, or no answer in time */
  async ask<T>(request: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = (this.#admin ??= connectAdmin(this.#options))
    try {
      return await within(ANSWER_WITHIN_MS, admin.then(request))
    } catch (error) {
      if (this.#admin === admin) this.#admin = null
      void admin.then((failed) => failed.disconnect()).catch(() => {})
      throw error
    }
  }

  async close(): Promise<void> {
    const admin = this.#admin
    this.#admin = null
    await within(CONNECT_WITHIN_MS, Promise.resolve(admin?.then((open) => open.disconnect()))).catch(() => {})
  }
}

/** @throws Error when the promise is not settled in time; what it does later is ignored */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
