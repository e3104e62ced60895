import { isStage, type Decisions } from '../access/decisions.ts'
import {
  AUTH_GW_ID,
  AUTH_INCOMING,
  AUTH_INCOMING_DELTA,
  AUTH_MAC,
  AUTH_OUTGOING,
  AUTH_OUTGOING_DELTA,
  AUTH_STAGE,
  AUTH_TOKEN,
  authFields,
  encodeAuth,
  type Verdict,
} from '../encode/auth.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import { makeAnswer, type Answer, type Exchange } from '../http.ts'
import { INVALID, parseUint64 } from '../parse/number.ts'
import type { Records } from '../records.ts'
import type { RecordBatch } from '../batch.ts'

const ANSWERS = new Map<number, Answer>(
  [0, 1, 5, 6, -1].map((code) => [code, makeAnswer('auth', 200, `Auth: ${code}`)]),
)

/** Fixed fields of the record, beside those whose size follows the request's. */
const OVERHEAD_BYTES = 512

const TOO_MANY = 'more unknown parameters than a gateway sends'

/** Counters that are kept as sent when they are no unsigned 64-bit integers. */
const COUNTERS = [
  ['incoming', AUTH_INCOMING],
  ['outgoing', AUTH_OUTGOING],
  ['incomingdelta', AUTH_INCOMING_DELTA],
  ['outgoingdelta', AUTH_OUTGOING_DELTA],
] as const

/** `GET /auth/`: login, counters and logout of a client (WiFiDog protocol). Always answered with `Auth: <code>`. */
export class AuthRoute {
  readonly #records: Records
  readonly #decisions: Decisions
  readonly #fields = authFields()
  /** The process's ACK mode: counters need not wait for the disk. */
  readonly #fastCounters: boolean

  constructor(records: Records, decisions: Decisions, fastCounters: boolean) {
    this.#records = records
    this.#decisions = decisions
    this.#fastCounters = fastCounters
  }

  handle(exchange: Exchange): void {
    const fields = this.#fields
    fields.parse(exchange.query)
    const now = Date.now()
    const stage = fields.text(AUTH_STAGE)
    const verdict = this.#decide()
    const answer = ANSWERS.get(verdict.code) as Answer
    if (!isStage(stage)) {
      this.#deadLetterOnly(exchange, answer, now, 'unknown_stage', 'stage is none of login, counters, logout')
      return
    }
    // Looked at before the record is begun: a value that is no counter moves to the extra parameters.
    const telemetry = this.#telemetryProblem(stage)
    if (fields.overflow) {
      this.#deadLetterOnly(exchange, answer, now, 'too_many_parameters', TOO_MANY)
      return
    }
    const batch = this.#append(exchange.query.length, verdict, now, exchange.remoteIp, exchange.userAgent)
    if (batch === null) {
      exchange.reply(answer, 'dropped')
      return
    }
    if (telemetry !== null) this.#deadLetter(now, telemetry[0], telemetry[1])
    if (this.#fastCounters && stage === 'counters') exchange.reply(answer, 'unknown')
    else exchange.replyWhenDurable(answer, batch)
  }

  /**
   * The report itself is stored all the same, with null for what was not reported: that the client was there is known.
   * The dead letter says what was wrong with it.
   */
  #telemetryProblem(stage: string): [DeadLetterReason, string] | null {
    const fields = this.#fields
    let problem: [DeadLetterReason, string] | null = null
    for (const [name, slot] of COUNTERS) {
      if (fields.blank(slot)) {
        const expected = stage === 'counters' && (slot === AUTH_INCOMING || slot === AUTH_OUTGOING)
        if (expected) problem ??= ['missing_telemetry', `${name} is missing`]
      } else if (parseUint64(fields.texts[slot], fields.starts[slot], fields.ends[slot]) === INVALID) {
        fields.demote(slot, name)
        problem ??= ['bad_telemetry', `${name} is not an unsigned 64-bit integer`]
      }
    }
    return problem
  }

  /**
   * One client's counters out of a body that reports many, as the parameters that a GET of its own would have.
   * @returns what is said of the client, and the batch to wait for; null: refused
   */
  counters(
    parameters: string,
    now: number,
    { remoteIp, userAgent }: Exchange,
  ): { code: number; batch: RecordBatch | null } {
    const fields = this.#fields
    fields.parse(parameters)
    const verdict = this.#decide()
    const telemetry = this.#telemetryProblem('counters')
    const batch = fields.overflow
      ? this.#deadLetter(now, 'too_many_parameters', TOO_MANY)
      : this.#append(parameters.length, verdict, now, remoteIp, userAgent)
    if (batch !== null && telemetry !== null) this.#deadLetter(now, telemetry[0], telemetry[1])
    return { code: verdict.code, batch }
  }

  #decide(): Verdict {
    const fields = this.#fields
    return this.#decisions.decide({
      stage: fields.text(AUTH_STAGE),
      token: fields.text(AUTH_TOKEN),
      mac: fields.text(AUTH_MAC),
      gwId: fields.text(AUTH_GW_ID),
    })
  }

  #append(length: number, verdict: Verdict, now: number, remoteIp: string, userAgent: string): RecordBatch | null {
    const auth = this.#records.auth
    const batch = auth.begin(OVERHEAD_BYTES + 3 * (length + userAgent.length), now)
    if (batch === null) return null
    encodeAuth(batch.cursor, this.#fields, verdict, remoteIp, userAgent)
    auth.end(batch)
    return batch
  }

  #deadLetter(now: number, reason: DeadLetterReason, error: string) {
    return this.#records.deadLetter({ source: 'auth', reason, error, payload: this.#fields.describe() }, now)
  }

  #deadLetterOnly(exchange: Exchange, answer: Answer, now: number, reason: DeadLetterReason, error: string): void {
    const batch = this.#deadLetter(now, reason, error)
    if (batch === null) exchange.reply(answer, 'dropped')
    else exchange.replyWhenDurable(answer, batch)
  }
}
