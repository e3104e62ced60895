import { normalMac } from '../../common/mac.ts'
import { isStage, type Decisions, type Verdict } from '../../access/decisions.ts'
import type { GatewayDevices } from '../../access/devices.ts'
import type { OnlineClients } from '../../access/online.ts'
import type { GatewayRegistry } from '../../access/registry.ts'
import {
  AUTH_DEVICE_ID,
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
  gatewaySlot,
} from '../encode/auth.ts'
import type { GatewayReports } from '../gateway-reports.ts'
import { ROAM_STAGE, type RoamingForm } from '../dialects/roaming.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import type { RoamingSessions } from '../guest-portal.ts'
import { Exchange, makeAnswer, type Answer, type Reply } from '../http.ts'
import { CUT_CHARACTERS } from '../limits.ts'
import { INVALID, parseUint64 } from '../parse/number.ts'
import type { Records } from '../records.ts'
import type { RecordBatch } from '../batch.ts'

const ANSWERS = new Map<number, Answer>(
  [0, 1, 5, 6, -1].map((code) => [code, makeAnswer('auth', 200, `Auth: ${code}`)]),
)

/** The public servers that Reyee gateways work with end these answers with a line feed. */
const PRESENCE = new Map([0, 1, -1].map((code) => [code, makeAnswer('auth', 200, `Auth: ${code}\n`)]))

const UNDECIDED: Verdict = { code: -1, sessionId: '', own: false }
const NOT_ADMITTED: Verdict = { code: 0, sessionId: '', own: false }

/** Upper bound for the fields whose size does not depend on the request. */
const OVERHEAD_BYTES = 512

/** Counters that are kept as extra parameters if they are not unsigned 64-bit integers. */
const COUNTERS = [
  ['incoming', AUTH_INCOMING],
  ['outgoing', AUTH_OUTGOING],
  ['incomingdelta', AUTH_INCOMING_DELTA],
  ['outgoingdelta', AUTH_OUTGOING_DELTA],
] as const

/** Who sent a body with the reports of many clients, and when. */
export interface Reporter {
  /** ms since the epoch. */
  readonly now: number
  readonly remoteIp: string
  readonly userAgent: string
}

export interface AuthRouteOptions {
  readonly records: Records
  readonly decisions: Decisions
  readonly registry: GatewayRegistry
  readonly devices: GatewayDevices
  readonly online: OnlineClients
  /** Null: roaming is off, so `stage=roam` is an unknown stage. */
  readonly roaming: RoamingSessions | null
  readonly reports: GatewayReports
  /** GATEPOST_ACK=fast: counters are answered before they are durable. */
  readonly fastCounters: boolean
}

/** `GET /auth/`: login, counters and logout of a client (WiFiDog protocol). The answer is always `Auth: <code>`. */
export class AuthRoute {
  readonly #records: Records
  readonly #decisions: Decisions
  readonly #registry: GatewayRegistry
  readonly #devices: GatewayDevices
  readonly #online: OnlineClients
  readonly #fields = authFields()
  readonly #roaming: RoamingSessions | null
  readonly #reports: GatewayReports
  readonly #fastCounters: boolean

  constructor({ records, decisions, registry, devices, online, roaming, reports, fastCounters }: AuthRouteOptions) {
    this.#records = records
    this.#registry = registry
    this.#devices = devices
    this.#online = online
    this.#decisions = decisions
    this.#roaming = roaming
    this.#reports = reports
    this.#fastCounters = fastCounters
  }

  handle(exchange: Exchange): void {
    this.#parse(exchange.query)
    const now = exchange.now()
    const stage = this.#fields.text(AUTH_STAGE)
    if (this.#roaming !== null && stage === 'roam') {
      exchange.replyLater(this.#roam(this.#roaming, exchange, now, ROAM_STAGE))
      return
    }
    if (stage === 'query') {
      const verdict = this.#presence(exchange.remoteIp, now)
      this.#store(exchange, verdict, PRESENCE.get(verdict.code) as Answer, now)
      return
    }
    const decided = this.#decide(exchange.remoteIp, now)
    if (decided instanceof Promise) exchange.replyLater(this.#later(exchange, decided, now))
    else this.#answer(exchange, decided, now)
  }

  /** Continues once the decision is known; by then the exchange belongs to another request. */
  async #later({ query, userAgent, remoteIp }: Exchange, decided: Promise<Verdict>, now: number): Promise<Reply> {
    const verdict = await decided
    const exchange = this.#again(query, userAgent, remoteIp)
    this.#answer(exchange, verdict, now)
    return exchange.settled()
  }

  /** A path of its own for what is `stage=roam` elsewhere. */
  roam(exchange: Exchange, form: RoamingForm): void {
    if (this.#roaming === null) {
      exchange.reply(form.refused)
      return
    }
    exchange.query += `${exchange.query === '' ? '' : '&'}stage=roam`
    this.#parse(exchange.query)
    const now = exchange.now()
    exchange.replyLater(this.#roam(this.#roaming, exchange, now, form))
  }

  /** Asked for a client without a token, whose session may belong to another gateway. */
  async #roam(
    roaming: RoamingSessions,
    { query, userAgent, remoteIp }: Exchange,
    now: number,
    form: RoamingForm,
  ): Promise<Reply> {
    const fields = this.#fields
    const asked = {
      gwId: fields.text(gatewaySlot(fields)),
      ip: fields.text(AUTH_IP),
      mac: fields.text(AUTH_MAC),
      remoteIp,
    }
    const proven = fields.oversize() === null && this.#registry.isProven(asked.gwId, remoteIp)
    const admitted = proven ? await roaming.admit(asked, now) : null
    const exchange = this.#again(query, userAgent, remoteIp)
    if (admitted === null) this.#store(exchange, NOT_ADMITTED, form.refused, now)
    else {
      const { sessionId, ends, mac } = admitted
      const verdict = { code: 1, sessionId, own: true }
      const seen = { gwId: asked.gwId, mac, isProven: true, now }
      this.#online.began(seen, { sessionId, ends, confirmBy: null }).catch(() => this.#decisions.stats.unwritten++)
      this.#store(exchange, verdict, form.admitted(admitted.token, asked.gwId, now), now)
    }
    return exchange.settled()
  }

  /**
   * Reyee asks by MAC whether a client that came (back) may be online. Only a gateway that calls from its registered sources is told. The answer is
   * no report of the session, which lives without it.
   */
  #presence(remoteIp: string, now: number): Verdict {
    const fields = this.#fields
    const gwId = fields.text(gatewaySlot(fields))
    if (fields.oversize() !== null || !this.#registry.isProven(gwId, remoteIp)) return NOT_ADMITTED
    if (!this.#decisions.ready) return UNDECIDED
    const session = this.#online.find(gwId, normalMac(fields.text(AUTH_MAC)), now)
    if (session === null) return NOT_ADMITTED
    return { code: session.validating ? 0 : 1, sessionId: session.sessionId, own: false }
  }

  /** Copies a request whose exchange may be reused. */
  #again(query: string, userAgent: string, remoteIp: string): Exchange {
    const exchange = new Exchange()
    Object.assign(exchange, { query, userAgent, remoteIp })
    this.#parse(query)
    return exchange
  }

  /** Some vendors' documents, and gateways that follow them, call the counters "counter". */
  #parse(query: string): void {
    const fields = this.#fields
    fields.parse(query)
    if (fields.text(AUTH_STAGE) === 'counter') fields.replace(AUTH_STAGE, 'counters')
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
    // Checked before the record is begun: a value that is not a counter moves to the extra parameters.
    const telemetry = fields.oversize() === null ? this.#telemetryProblem(stage) : null
    const oversize = fields.oversize()
    if (oversize !== null) {
      this.#deadLetterOnly(exchange, answer, now, oversize.reason, oversize.error)
      return
    }
    const batch = this.#append(verdict, now, exchange.remoteIp, exchange.userAgent)
    if (batch === null) {
      exchange.reply(answer, 'dropped')
      return
    }
    if (telemetry !== null) this.#deadLetter(exchange.remoteIp, now, telemetry[0], telemetry[1])
    if (this.#fastCounters && stage === 'counters') exchange.reply(answer, 'unknown')
    else exchange.replyWhenDurable(answer, batch)
  }

  /**
   * The report itself is stored anyway, with null for missing counters, since it shows that the client was there. The dead letter says what
   * was wrong.
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

  /** A body names this gateway of this machine, with or without clients. */
  names(deviceId: unknown, gwId: unknown, { now, remoteIp }: Reporter): void {
    if (typeof deviceId !== 'string' || typeof gwId !== 'string') return
    if (this.#registry.trusts('auth', gwId, remoteIp)) this.#devices.names(deviceId, gwId, now)
  }

  /**
   * Handles one client of a body that reports many, given the parameters of an equivalent GET.
   * @returns the decision about the client, and the batch to wait for; null: refused
   */
  counters(
    parameters: Readonly<Record<string, unknown>>,
    { now, remoteIp, userAgent }: Reporter,
  ): { code: number; batch: RecordBatch | null } {
    const fields = this.#fields
    fields.clear()
    for (const name in parameters) {
      const value = parameters[name]
      // Objects and arrays are not values of a report.
      if (typeof value === 'string') fields.set(name, value)
      else if (typeof value === 'number' || typeof value === 'boolean') fields.set(name, JSON.stringify(value))
    }
    fields.set('stage', 'counters')
    const decided = this.#decide(remoteIp, now)
    // A token is being bound to its first client: answer -1 now; the next report finds the decision made.
    const verdict = decided instanceof Promise ? UNDECIDED : decided
    const telemetry = fields.oversize() === null ? this.#telemetryProblem('counters') : null
    const oversize = fields.oversize()
    const batch =
      oversize === null
        ? this.#append(verdict, now, remoteIp, userAgent)
        : this.#deadLetter(remoteIp, now, oversize.reason, oversize.error)
    if (batch !== null && telemetry !== null && oversize === null)
      this.#deadLetter(remoteIp, now, telemetry[0], telemetry[1])
    return { code: verdict.code, batch }
  }

  #decide(remoteIp: string, now: number): Verdict | Promise<Verdict> {
    const fields = this.#fields
    const asker = {
      stage: fields.text(AUTH_STAGE),
      // A longer token is none: it is denied as an unknown one, and neither hashed nor remembered.
      token: fields.exceeds(AUTH_TOKEN) ? '' : fields.text(AUTH_TOKEN),
      mac: fields.text(AUTH_MAC),
      gwId: fields.text(gatewaySlot(fields)),
      remoteIp,
    }
    // The request comes from outside the gateway's registered sources: answer -1, which changes nothing for its users.
    if (!this.#registry.trusts('auth', asker.gwId, remoteIp)) return UNDECIDED
    this.#devices.names(fields.text(AUTH_DEVICE_ID), asker.gwId, now)
    return this.#decisions.decide(asker, now)
  }

  #append(verdict: Verdict, now: number, remoteIp: string, userAgent: string): RecordBatch | null {
    const auth = this.#records.auth
    const fields = this.#fields
    if (verdict.own && fields.text(AUTH_STAGE) === 'counters')
      this.#reports.counters(fields.text(gatewaySlot(fields)) || verdict.sessionId, now)
    const batch = auth.begin(OVERHEAD_BYTES + 3 * (this.#fields.length + userAgent.length), now)
    if (batch === null) return null
    encodeAuth(batch.cursor, this.#fields, verdict, remoteIp, userAgent)
    auth.end(batch)
    return batch
  }

  #deadLetter(remoteIp: string, now: number, reason: DeadLetterReason, error: string) {
    const payload = this.#fields.describe(reason === 'field_too_long' ? CUT_CHARACTERS : Infinity)
    return this.#records.deadLetter({ source: 'auth', reason, error, payload, remoteIp, sender: '' }, now)
  }

  #deadLetterOnly(exchange: Exchange, answer: Answer, now: number, reason: DeadLetterReason, error: string): void {
    const batch = this.#deadLetter(exchange.remoteIp, now, reason, error)
    if (batch === null) exchange.reply(answer, 'dropped')
    else exchange.replyWhenDurable(answer, batch)
  }
}
