import type { GatewayDevices } from '../../access/devices.ts'
import type { GatewayRegistry } from '../../access/registry.ts'
import type { RecordBatch } from '../batch.ts'
import { demoteOthers, encodePing, gatewayOf, PING_DEVICE_ID, PING_GW_ID, pingFields } from '../encode/ping.ts'
import type { GatewayReports } from '../gateway-reports.ts'
import { makeAnswer, type Answer, type Exchange } from '../http.ts'
import { CUT_CHARACTERS } from '../limits.ts'
import type { Records } from '../records.ts'
import { SeveralBatches } from '../several-batches.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'

/** wifidog-ng compares the body to exactly this. */
export const PONG: Answer = makeAnswer('ping', 200, 'Pong')

/** Upper bound for the fields whose size does not depend on the request. */
const OVERHEAD_BYTES = 256

/**
 * `GET /ping/`: a heartbeat (WiFiDog protocol): an id and a time, with whatever else the gateway tells. The answer is always Pong: without it, a
 * gateway cuts off its users.
 */
export class PingRoute {
  readonly #records: Records
  readonly #registry: GatewayRegistry
  readonly #devices: GatewayDevices
  readonly #reports: GatewayReports
  readonly #fields = pingFields()

  /** GATEPOST_ACK=fast: heartbeats are answered before they are durable. */
  readonly #fast: boolean

  constructor(
    records: Records,
    registry: GatewayRegistry,
    devices: GatewayDevices,
    reports: GatewayReports,
    fast: boolean,
  ) {
    this.#records = records
    this.#registry = registry
    this.#devices = devices
    this.#reports = reports
    this.#fast = fast
  }

  handle(exchange: Exchange): void {
    const fields = this.#fields
    fields.parse(exchange.query)
    const now = exchange.now()
    const gwId = gatewayOf(fields)
    if (gwId === '') {
      this.#deadLetterOnly(exchange, now, 'missing_gw_id', 'gw_id is missing')
      return
    }
    // Checked before the record is begun: a value that is not a number moves to the extra parameters.
    const problem = fields.oversize() === null ? demoteOthers(fields) : null
    const oversize = fields.oversize()
    if (oversize !== null) {
      this.#deadLetterOnly(exchange, now, oversize.reason, oversize.error)
      return
    }
    const isOfDevice = fields.blank(PING_GW_ID) && !fields.blank(PING_DEVICE_ID)
    const gateways = isOfDevice ? this.#devices.gatewaysOf(gwId, now) : [gwId]
    const batches = new Set<RecordBatch>()
    for (const gateway of gateways) {
      const batch = this.#append(exchange, gateway, now)
      if (batch === null) {
        exchange.reply(PONG, 'dropped')
        return
      }
      batches.add(batch)
    }
    if (problem !== null) this.#deadLetter(exchange, now, 'bad_number', problem)
    if (this.#fast) exchange.reply(PONG, 'unknown')
    else if (batches.size === 1) exchange.replyWhenDurable(PONG, [...batches][0])
    else {
      const several = new SeveralBatches()
      several.add(batches)
      exchange.replyWhenDurable(PONG, several)
    }
  }

  #append({ remoteIp, userAgent }: Exchange, gwId: string, now: number): RecordBatch | null {
    const pings = this.#records.pings
    const size = OVERHEAD_BYTES + 3 * (this.#fields.length + gwId.length + userAgent.length)
    const batch = pings.begin(size, now)
    if (batch === null) return null
    const trusted = this.#registry.trusts('ping', gwId, remoteIp)
    if (trusted) this.#reports.heartbeat(gwId, now)
    encodePing(batch.cursor, this.#fields, { gwId, remoteIp, userAgent, trusted })
    pings.end(batch)
    return batch
  }

  #deadLetter({ remoteIp }: Exchange, now: number, reason: DeadLetterReason, error: string): RecordBatch | null {
    const payload = this.#fields.describe(reason === 'field_too_long' ? CUT_CHARACTERS : Infinity)
    return this.#records.deadLetter({ source: 'ping', reason, error, payload, remoteIp, sender: '' }, now)
  }

  #deadLetterOnly(exchange: Exchange, now: number, reason: DeadLetterReason, error: string): void {
    const batch = this.#deadLetter(exchange, now, reason, error)
    if (batch === null) exchange.reply(PONG, 'dropped')
    else exchange.replyWhenDurable(PONG, batch)
  }
}
