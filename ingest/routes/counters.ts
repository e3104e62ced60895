import type { RecordBatch } from '../batch.ts'
import { apfree5, apfree8 } from '../dialects/apfree.ts'
import { DialectError, isObject, type CountersBody, type Dialect } from '../dialects/dialect.ts'
import { wifidogNg } from '../dialects/wifidog-ng.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import { makeAnswer, makeJsonAnswer, settledReply, type Answer, type Exchange, type Reply } from '../http.ts'
import { MAX_QUERY_CHARACTERS } from '../limits.ts'
import type { Records } from '../records.ts'
import { SeveralBatches } from '../several-batches.ts'
import { SlicedWork, type Slices } from '../slices.ts'
import type { AuthRoute, Reporter } from './auth.ts'

/** Larger bodies are answered 413. This is enough for about 4,000 clients. */
export const COUNTERS_MAX_BYTES = 2 ** 20

/** A larger body is parsed in a later turn of the event loop. */
const PARSED_AT_ONCE_BYTES = 64 * 1024

/** Clients that are handled in one turn of the event loop. MEASURED: 15 us each, so a turn takes about 4 ms. */
const SLICE_CLIENTS = 256

/** Bytes of bodies that wait for their turn; more are refused. */
const WAITING_MAX_BYTES = 32 * COUNTERS_MAX_BYTES

const DIALECTS: readonly Dialect[] = [wifidogNg, apfree5, apfree8]

const BUSY = makeJsonAnswer('auth', 503, { error: 'too many reports are waiting; send it again' }, [
  ['Retry-After', '5'],
])

/** Why no report of a body can be stored. */
class Refused extends Error {
  readonly reason: DeadLetterReason

  constructor(reason: DeadLetterReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** What is answered, and what the answer waits for; null: nothing. */
interface Handled {
  readonly answer: Answer
  readonly outcome: Reply['outcome']
  readonly batches: SeveralBatches | null
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
  readonly #work = new SlicedWork(WAITING_MAX_BYTES)
  readonly #failed: (error: unknown) => Reply

  /** @param failed the answer to a request that failed with an internal error */
  constructor(records: Records, auth: AuthRoute, fast: boolean, failed: (error: unknown) => Reply) {
    this.#records = records
    this.#auth = auth
    this.#fast = fast
    this.#failed = failed
  }

  /** Bodies that were refused because too many were waiting. */
  get refused(): number {
    return this.#work.refused
  }

  handle(exchange: Exchange, bytes: Uint8Array): void {
    const { query, remoteIp, userAgent } = exchange
    const reporter = { now: exchange.now(), remoteIp, userAgent }
    if (bytes.length > PARSED_AT_ONCE_BYTES) {
      // The listener's bytes are valid only until this returns.
      this.#later(exchange, this.#report(query, Buffer.from(bytes), reporter), bytes.length)
      return
    }
    const slices = this.#report(query, bytes, reporter)
    const first = slices.next()
    if (first.done !== true) this.#later(exchange, slices, bytes.length)
    else {
      const { answer, outcome, batches } = first.value
      if (batches === null) exchange.reply(answer, outcome)
      else exchange.replyWhenDurable(answer, batches)
    }
  }

  #later(exchange: Exchange, slices: Slices<Handled>, bytes: number): void {
    const handled = this.#work.run(this.#safely(slices), bytes)
    if (handled === null) exchange.reply(BUSY, 'dropped')
    else exchange.replyLater(handled.then(settled))
  }

  /** An internal error in a later turn of the event loop fails one request, not the worker. */
  *#safely(slices: Slices<Handled>): Slices<Handled> {
    try {
      return yield* slices
    } catch (error) {
      return { ...this.#failed(error), batches: null }
    }
  }

  *#report(query: string, bytes: Uint8Array, reporter: Reporter): Slices<Handled> {
    let counters: CountersBody
    try {
      counters = read(query, bytes)
    } catch (error) {
      if (error instanceof Refused) return this.#refuse(reporter, error, bytes.length)
      throw error
    }
    const { machine } = counters
    for (const gwId of machine?.gwIds ?? []) this.#auth.names(machine?.deviceId, gwId, reporter)
    const codes: number[] = []
    const all = new SeveralBatches()
    const slice = new Set<RecordBatch>()
    let kept = false
    let dropped = false
    for (const parameters of counters.clients) {
      if (codes.length > 0 && codes.length % SLICE_CLIENTS === 0) {
        all.add(slice)
        slice.clear()
        yield
      }
      const { code, batch } = this.#auth.counters(parameters, reporter)
      codes.push(code)
      if (batch === null) dropped = true
      else {
        kept = true
        slice.add(batch)
      }
    }
    all.add(slice)
    const answer = makeAnswer('auth', 200, counters.answer(codes), { contentType: 'application/json' })
    if (dropped) return { answer, outcome: 'dropped', batches: null }
    if (!kept) return { answer, outcome: 'none', batches: null }
    return this.#fast ? { answer, outcome: 'unknown', batches: null } : { answer, outcome: 'none', batches: all }
  }

  /** A body that does not parse may hold a token anywhere, so nothing of it is kept. */
  #refuse({ now, remoteIp }: Reporter, { reason, message }: Refused, length: number): Handled {
    const answer = makeJsonAnswer('auth', 400, { error: message })
    const payload = `${length} bytes`
    const letter = { source: 'auth', reason, error: message, payload, remoteIp, sender: '' } as const
    const batch = this.#records.deadLetter(letter, now)
    if (batch === null) return { answer, outcome: 'dropped', batches: null }
    const batches = new SeveralBatches()
    batches.add([batch])
    return { answer, outcome: 'none', batches }
  }
}

function settled({ answer, outcome, batches }: Handled): Promise<Reply> | Reply {
  return batches === null ? { answer, outcome } : settledReply(batches, answer)
}

/** @throws Refused */
function read(query: string, bytes: Uint8Array): CountersBody {
  if (query.length > MAX_QUERY_CHARACTERS) {
    throw new Refused('field_too_long', `the query has more than ${MAX_QUERY_CHARACTERS} characters`)
  }
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
      if (error instanceof DialectError) throw new Refused(error.reason, error.message)
      throw error
    }
  }
  throw new Refused('missing_field', 'the body has no list of clients')
}
