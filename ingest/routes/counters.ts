import type { RecordBatch } from '../batch.ts'
import { apfree5, apfree8 } from '../dialects/apfree.ts'
import { DialectError, isObject, type CountersBody, type Dialect } from '../dialects/dialect.ts'
import { wifidogNg } from '../dialects/wifidog-ng.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import { makeAnswer, makeJsonAnswer, type Exchange } from '../http.ts'
import type { Records } from '../records.ts'
import { SeveralBatches } from '../several-batches.ts'
import type { AuthRoute } from './auth.ts'

/** Larger bodies are answered 413. This is enough for about 4,000 clients. */
export const COUNTERS_MAX_BYTES = 2 ** 20

const DIALECTS: readonly Dialect[] = [wifidogNg, apfree5, apfree8]

/** Why no report of a body can be stored. */
class Refused extends Error {
  readonly reason: DeadLetterReason

  constructor(reason: DeadLetterReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * `POST auth/` with `stage=counters` (wifidog-ng) or `counters_v2` (apfree): the counters of many clients at once. Each client's report is
 * decided and stored like a GET of its own.
 */
export class CountersRoute {
  readonly #records: Records
  readonly #auth: AuthRoute
  /** GATEPOST_ACK=fast: counters are answered before they are durable. */
  readonly #fast: boolean

  constructor(records: Records, auth: AuthRoute, fast: boolean) {
    this.#records = records
    this.#auth = auth
    this.#fast = fast
  }

  handle(exchange: Exchange, bytes: Uint8Array): void {
    const now = exchange.now()
    let counters: CountersBody
    try {
      counters = read(exchange.query, bytes)
    } catch (error) {
      if (error instanceof Refused) return this.#refuse(exchange, now, error, bytes.length)
      throw error
    }
    const codes: number[] = []
    const batches = new Set<RecordBatch>()
    let dropped = false
    for (const parameters of counters.clients) {
      const { code, batch } = this.#auth.counters(asQuery(parameters), now, exchange)
      codes.push(code)
      if (batch === null) dropped = true
      else batches.add(batch)
    }
    const answer = makeAnswer('auth', 200, counters.answer(codes), { contentType: 'application/json' })
    if (dropped) exchange.reply(answer, 'dropped')
    else if (batches.size === 0) exchange.reply(answer)
    else if (this.#fast) exchange.reply(answer, 'unknown')
    else exchange.replyWhenDurable(answer, new SeveralBatches(batches))
  }

  /** A body that does not parse may hold a token anywhere, so nothing of it is kept. */
  #refuse(exchange: Exchange, now: number, { reason, message }: Refused, length: number): void {
    const answer = makeJsonAnswer('auth', 400, { error: message })
    const letter = { source: 'auth', reason, error: message, payload: `${length} bytes` } as const
    const batch = this.#records.deadLetter(letter, now)
    if (batch === null) exchange.reply(answer, 'dropped')
    else exchange.replyWhenDurable(answer, batch)
  }
}

/** @throws Refused */
function read(query: string, bytes: Uint8Array): CountersBody {
  const parameters = new URLSearchParams(query)
  const stage = parameters.get('stage') ?? ''
  const candidates = DIALECTS.filter((dialect) => dialect.stage === stage)
  if (candidates.length === 0) {
    throw new Refused('unknown_stage', 'stage of a body with counters is none of counters, counters_v2')
  }
  let body: unknown
  try {
    body = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
  } catch {
    // The parser's own message quotes the text, including tokens.
    throw new Refused('bad_json', 'the body is not JSON')
  }
  if (!isObject(body)) throw new Refused('not_an_object', 'the body is not an object')
  for (const dialect of candidates) {
    if (!dialect.recognises(body)) continue
    try {
      return dialect.read(body, parameters)
    } catch (error) {
      if (error instanceof DialectError) throw new Refused('missing_field', error.message)
      throw error
    }
  }
  throw new Refused('missing_field', 'the body has no list of clients')
}

/** The query string of an equivalent GET. Objects and arrays are not values of a report. */
function asQuery(parameters: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === 'string') query.append(name, value)
    else if (typeof value === 'number' || typeof value === 'boolean') query.append(name, JSON.stringify(value))
  }
  query.append('stage', 'counters')
  return query.toString()
}
