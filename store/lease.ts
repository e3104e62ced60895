import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from './contract.ts'

/** A lease expires after this time if its owner dies. */
const LEASE_MS = 15 * 60_000
/**
 * Time between writing a lease and reading it back: by then every process that saw the same free lease has written too, or is so late that
 * it gives up.
 */
const SETTLE_MS = 5000
const WRITE_WITHIN_MS = SETTLE_MS / 2

interface Row {
  readonly epoch: string
  readonly owner: string
  /** Remaining ms, by the server's clock. */
  readonly left: number
}

/** A lease in the store: lets one process of an installation do something at a time. */
export class Lease {
  readonly #store: Pick<Store, 'query' | 'command'>
  readonly #name: string
  readonly #settleMs: number
  readonly #leaseMs: number
  readonly owner = randomBytes(8).toString('hex')

  constructor(store: Pick<Store, 'query' | 'command'>, name: string, settleMs = SETTLE_MS, leaseMs = LEASE_MS) {
    this.#leaseMs = leaseMs
    this.#store = store
    this.#name = name
    this.#settleMs = settleMs
  }

  /**
   * Takes the lease, or takes it for longer.
   * @returns whether it is this owner's, for the time that a lease lasts (default: a quarter of an hour)
   */
  async take(): Promise<boolean> {
    const started = performance.now()
    const held = await this.#newest()
    if (held !== null && held.owner === this.owner && held.left > 0) {
      await this.#write(BigInt(held.epoch), this.#leaseMs)
      return (await this.#newest())?.owner === this.owner
    }
    if (held !== null && held.left > 0) return false
    await this.#write(BigInt(held?.epoch ?? 0) + 1n, this.#leaseMs)
    if (performance.now() - started > Math.min(WRITE_WITHIN_MS, this.#settleMs / 2)) return false
    await sleep(this.#settleMs)
    return (await this.#newest())?.owner === this.owner
  }

  /** Releases it, if this process is the owner. */
  async release(): Promise<void> {
    const held = await this.#newest()
    if (held?.owner === this.owner) await this.#write(BigInt(held.epoch) + 1n, 0)
  }

  async #newest(): Promise<Row | null> {
    const rows = await this.#store.query<Row>(
      `SELECT toString(newest.epoch) AS epoch, newest.owner AS owner,
         toInt32(greatest(dateDiff('millisecond', now64(3), newest.until), -1)) AS left
       FROM (SELECT max(newest) AS newest FROM gatepost.leases WHERE name = {name:String} GROUP BY name)`,
      { name: this.#name },
    )
    return rows.at(0) ?? null
  }

  async #write(epoch: bigint, forMs: number): Promise<void> {
    await this.#store.command(
      `INSERT INTO gatepost.leases (name, newest)
       SELECT {name:String}, tuple({epoch:UInt64}, {owner:String}, now64(3, 'UTC') + toIntervalMillisecond({ms:UInt32}))`,
      { name: this.#name, epoch: String(epoch), owner: this.owner, ms: forMs },
    )
  }
}
