import type { GatewayRegistry } from '../../access/registry.ts'
import { encodePing, PING_GW_ID, PING_NAMES, pingFields } from '../encode/ping.ts'
import { makeAnswer, type Answer, type Exchange } from '../http.ts'
import { CUT_CHARACTERS } from '../limits.ts'
import type { Records } from '../records.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'

/** wifidog-ng compares the body to exactly this. */
export const PONG: Answer = makeAnswer('ping', 200, 'Pong')

/** Upper bound for the fields whose size does not depend on the request. */
const OVERHEAD_BYTES = 256

/** `GET /ping/`: a heartbeat (WiFiDog protocol). The answer is always Pong: without it, a gateway cuts off its users. */
export class PingRoute {
  readonly #records: Records
  readonly #registry: GatewayRegistry
  readonly #fields = pingFields()

  /** GATEPOST_ACK=fast: heartbeats are answered before they are durable. */
  readonly #fast: boolean

  constructor(records: Records, registry: GatewayRegistry, fast: boolean) {
    this.#records = records
    this.#registry = registry
    this.#fast = fast
  }

  handle(exchange: Exchange): void {
    const fields = this.#fields
    fields.parse(exchange.query)
    const now = exchange.now()
    if (fields.blank(PING_GW_ID)) {
      this.#deadLetter(exchange, now, 'missing_gw_id', 'gw_id is missing')
      return
    }
    const oversize = fields.oversize()
    if (oversize !== null) {
      this.#deadLetter(exchange, now, oversize.reason, oversize.error)
      return
    }
    const pings = this.#records.pings
    const batch = pings.begin(OVERHEAD_BYTES + 3 * (fields.length + exchange.userAgent.length), now)
    if (batch === null) {
      exchange.reply(PONG, 'dropped')
      return
    }
    const trusted = this.#registry.trusts('ping', fields.text(PING_GW_ID), exchange.remoteIp)
    const bad = encodePing(batch.cursor, fields, exchange.remoteIp, exchange.userAgent, trusted)
    if (bad >= 0) {
      pings.abandon(batch)
      const missing = fields.blank(bad)
      this.#deadLetter(
        exchange,
        now,
        missing ? 'missing_telemetry' : 'bad_telemetry',
        `${PING_NAMES[bad]} is ${missing ? 'missing' : 'not a number in its range'}`,
      )
      return
    }
    pings.end(batch)
    if (this.#fast) exchange.reply(PONG, 'unknown')
    else exchange.replyWhenDurable(PONG, batch)
  }

  #deadLetter(exchange: Exchange, now: number, reason: DeadLetterReason, error: string): void {
    const { remoteIp } = exchange
    const payload = this.#fields.describe(reason === 'field_too_long' ? CUT_CHARACTERS : Infinity)
    const batch = this.#records.deadLetter({ source: 'ping', reason, error, payload, remoteIp, sender: '' }, now)
    if (batch === null) exchange.reply(PONG, 'dropped')
    else exchange.replyWhenDurable(PONG, batch)
  }
}
