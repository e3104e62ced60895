import { authFields, encodeAuth } from '../encode/auth.ts'
import type { Records } from '../records.ts'

/** A client that a machine has removed when it was told to. */
export interface Removal {
  readonly sessionId: string
  readonly gwId: string
  readonly mac: string
  readonly ip: string
  readonly deviceId: string
  /** Where the machine's channel comes from. */
  readonly remoteIp: string
}

const OVERHEAD_BYTES = 512

/**
 * Records that a client is out, as its next report would have: it reports nothing any more, and its session would count as active until it times out. The
 * row says in `extra` that it is no report.
 */
export class Removals {
  readonly #records: Records
  readonly #fields = authFields()

  constructor(records: Records) {
    this.#records = records
  }

  /** While the log cannot be written, the session ends when it times out. */
  record({ sessionId, gwId, mac, ip, deviceId, remoteIp }: Removal, now: number): void {
    const query = { stage: 'counters', gw_id: gwId, device_id: deviceId, mac, ip, removed_by: 'channel' }
    this.#fields.parse(new URLSearchParams(query).toString())
    const { auth } = this.#records
    const batch = auth.begin(OVERHEAD_BYTES + 3 * this.#fields.length, now)
    if (batch === null) return
    encodeAuth(batch.cursor, this.#fields, { sessionId, code: 0, own: true }, remoteIp, '')
    auth.end(batch)
  }
}
