import { isStage, type Decisions, type Verdict } from '../../access/decisions.ts'
import type { GatewayRegistry } from '../../access/registry.ts'
import {
  AUTH_GW_ID,
  AUTH_INCOMING,
  AUTH_INCOMING_DELTA,
  AUTH_IP,
  AUTH_MAC,
  AUTH_OUTGOING,
  AUTH_OUTGOING_DELTA,
  AUTH_STAGE,
  AUTH_TOKEN,
  authFields,
  encodeAuth,
} from '../encode/auth.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import type { Roaming } from '../portal/roaming.ts'
import { Exchange, makeAnswer, type Answer, type Reply } from '../http.ts'
import { INVALID, parseUint64 } from '../parse/number.ts'
import type { Records } from '../records.ts'
import type { RecordBatch } from '../batch.ts'

const ANSWERS = new Map<number, Answer>(
  [0, 1, 5, 6, -1].map((code) => [code, makeAnswer('auth', 200, `Auth: ${code}`)]),
)

const UNDECIDED: Verdict = { code: -1, sessionId: '', own: false }
const NOT_ADMITTED: Verdict = { code: 0, sessionId: '', own: false }

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

export interface AuthRouteOptions {
  readonly records: Records
  readonly decisions: Decisions
  readonly registry: GatewayRegistry
  /** Null: `stage=roam` is a stage that is not known. */
  readonly roaming: Roaming | null
  /** The process's ACK mode: counters need not wait for the disk. */
  readonly fastCounters: boolean
}

/** `GET /auth/`: login, counters and logout of a client (WiFiDog protocol). Always answered with `Auth: <code>`. */
export class AuthRoute {
  readonly #records: Records
  readonly #decisions: Decisions
  readonly #registry: GatewayRegistry
  readonly #fields = authFields()
  readonly #roaming: Roaming | null
  readonly #fastCounters: boolean

  constructor({ records, decisions, registry, roaming, fastCounters }: AuthRouteOptions) {
    this.#records = records
    this.#registry = registry
    this.#decisions = decisions
    this.#roaming = roaming
    this.#fastCounters = fastCounters
  }

  handle(exchange: Exchange): void {
    this.#fields.parse(exchange.query)
    const now = exchange.now()
    if (this.#roaming !== null && this.#fields.text(AUTH_STAGE) === 'roam') {
      exchange.replyLater(this.#roam(this.#roaming, exchange, now))
      return
    }
    const decided = this.#decide(exchange.remoteIp, now)
    if (decided instanceof Promise) exchange.replyLater(this.#later(exchange, decided, now))
    else this.#answer(exchange, decided, now)
  }

  /** The same once it has been decided; the exchange is another request's by then. */
  async #later({ query, userAgent, remoteIp }: Exchange, decided: Promise<Verdict>, now: number): Promise<Reply> {
    const verdict = await decided
    const exchange = this.#again(query, userAgent, remoteIp)
    this.#answer(exchange, verdict, now)
    return exchange.settled()
  }

  /** A client without a token is at a gateway that may be another than that of its session. */
  async #roam(roaming: Roaming, { query, userAgent, remoteIp }: Exchange, now: number): Promise<Reply> {
    const fields = this.#fields
    const asked = { gwId: fields.text(AUTH_GW_ID), ip: fields.text(AUTH_IP), mac: fields.text(AUTH_MAC) }
    const admitted = this.#registry.isProven(asked.gwId, remoteIp) ? await roaming.admit(asked, now) : null
    const exchange = this.#again(query, userAgent, remoteIp)
    if (admitted === null) this.#store(exchange, NOT_ADMITTED, ANSWERS.get(0) as Answer, now)
    else {
      const verdict = { code: 1, sessionId: admitted.sessionId, own: true }
      this.#store(exchange, verdict, makeAnswer('auth', 200, `token=${admitted.token}`), now)
    }
    return exchange.settled()
  }

  /** A request whose exchange has become another one's. */
  #again(query: string, userAgent: string, remoteIp: string): Exchange {
    const exchange = new Exchange()
    Object.assign(exchange, { query, userAgent, remoteIp })
    this.#fields.parse(query)
    return exchange
  }

  #answer(exchange: Exchange, verdict: Verdict, now: number): void {
    const answer = ANSWERS.get(verdict.code) as Answer
    if (!isStage(this.#fields.text(AUTH_STAGE))) {
      this.#deadLetterOnly(exchange, answer, now, 'unknown_stage', 'stage is none of login, counters, logout')
      return
    }
    this.#store(exchange, verdict, answer, now)
  }

  #store(exchange: Exchange, verdict: Verdict, answer: Answer, now: number): void {
    const fields = this.#fields
    const stage = fields.text(AUTH_STAGE)
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
    const decided = this.#decide(remoteIp, now)
    // A token that waits for its first client: the next report finds it decided.
    const verdict = decided instanceof Promise ? UNDECIDED : decided
    const telemetry = this.#telemetryProblem('counters')
    const batch = fields.overflow
      ? this.#deadLetter(now, 'too_many_parameters', TOO_MANY)
      : this.#append(parameters.length, verdict, now, remoteIp, userAgent)
    if (batch !== null && telemetry !== null) this.#deadLetter(now, telemetry[0], telemetry[1])
    return { code: verdict.code, batch }
  }

  #decide(remoteIp: string, now: number): Verdict | Promise<Verdict> {
    const fields = this.#fields
    const asker = {
      stage: fields.text(AUTH_STAGE),
      token: fields.text(AUTH_TOKEN),
      mac: fields.text(AUTH_MAC),
      gwId: fields.text(AUTH_GW_ID),
    }
    // Whoever it is: nothing changes for anybody's user.
    if (!this.#registry.trusts('auth', asker.gwId, remoteIp)) return UNDECIDED
    return this.#decisions.decide(asker, now)
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
