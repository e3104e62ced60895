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
} from '../encode/auth.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import { makeAnswer, type Answer, type Exchange } from '../http.ts'
import { INVALID, parseUint64 } from '../parse/number.ts'
import type { Records } from '../records.ts'

const ANSWERS = new Map<number, Answer>(
  [0, 1, 5, 6, -1].map((code) => [code, makeAnswer('auth', 200, `Auth: ${code}`)]),
)

/** Fixed fields of the record, beside those whose size follows the request's. */
const OVERHEAD_BYTES = 512

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
    const verdict = this.#decisions.decide({
      stage,
      token: fields.text(AUTH_TOKEN),
      mac: fields.text(AUTH_MAC),
      gwId: fields.text(AUTH_GW_ID),
    })
    const answer = ANSWERS.get(verdict.code) as Answer
    if (!isStage(stage)) {
      this.#deadLetterOnly(exchange, answer, now, 'unknown_stage', 'stage is none of login, counters, logout')
      return
    }
    // Looked at before the record is begun: a value that is no counter moves to the extra parameters.
    const telemetry = this.#telemetryProblem(stage)
    if (fields.overflow) {
      this.#deadLetterOnly(exchange, answer, now, 'too_many_parameters', 'more unknown parameters than a gateway sends')
      return
    }
    const auth = this.#records.auth
    const batch = auth.begin(OVERHEAD_BYTES + 3 * (exchange.query.length + exchange.userAgent.length), now)
    if (batch === null) {
      exchange.reply(answer, 'dropped')
      return
    }
    encodeAuth(batch.cursor, fields, verdict, exchange.remoteIp, exchange.userAgent)
    auth.end(batch)
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

  #deadLetter(now: number, reason: DeadLetterReason, error: string) {
    return this.#records.deadLetter({ source: 'auth', reason, error, payload: this.#fields.describe() }, now)
  }

  #deadLetterOnly(exchange: Exchange, answer: Answer, now: number, reason: DeadLetterReason, error: string): void {
    const batch = this.#deadLetter(now, reason, error)
    if (batch === null) exchange.reply(answer, 'dropped')
    else exchange.replyWhenDurable(answer, batch)
  }
}
