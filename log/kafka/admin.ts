import type { Admin } from 'kafkajs'
import { createKafka, type KafkaOptions } from './client.ts'
import { connectProblem, logUnavailable } from './unavailable.ts'

/** A broker that accepts connections and says nothing is given up after this. */
const CONNECT_WITHIN_MS = 5000
/** Administrative requests change nothing when they are made twice: here kafkajs may repeat them. */
const RETRY = { retries: 4, initialRetryTime: 150, maxRetryTime: 1500 }
const REQUEST_TIMEOUT_MS = 10_000

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
