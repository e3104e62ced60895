import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Batch } from '../../schemas/batch.ts'
import { makeBatch, repeated } from '../../schemas/test/records.ts'
import type { Ownership, Store } from '../../store/contract.ts'
import { batchUuid } from '../../store/exactly-once/identity.ts'
import { NEVER_MS } from '../helpers/until.ts'

const BATCHES = 5
const ROWS = 50
const PAUSE_MS = 50
const RETRY_MS = 200
/** Heartbeats of the last minute, as a gateway would send them. */
const AGE_MS = 60_000
const PARTITION = '0'

/** What an insert needs: who is the owner now. */
interface Owner {
  readonly store: Store
  readonly ownership: Ownership
}

/**
 * Two processes that bring one part of a log into a store, as two aggregators do: one of them inserts gather after gather, each until it is
 * stored, and the other may take over at any time.
 */
export class Inserting {
  readonly #stores: readonly [Store, Store]
  #owner: Owner
  #batches: Batch[] = []
  #stored = 0
  #stopping = false
  #loop: Promise<void>
  /** Attempts that failed, by the code of the error. */
  readonly failures = new Map<string, number>()

  private constructor(stores: readonly [Store, Store], owner: Owner) {
    this.#stores = stores
    this.#owner = owner
    this.#loop = this.#run()
    this.#loop.catch(() => undefined)
  }

  static async begin(stores: readonly [Store, Store]): Promise<Inserting> {
    const [store] = stores
    return new Inserting(stores, { store, ownership: await store.takeOwnership('gateway_pings', PARTITION, null) })
  }

  /** The other process becomes the owner of the part, whatever the first one is doing. */
  async move(): Promise<void> {
    const store = this.#stores.find((each) => each !== this.#owner.store) as Store
    const ownership = await this.#persist(() => store.takeOwnership('gateway_pings', PARTITION, null))
    this.#owner = { store, ownership }
  }

  /** Waits until a gather that began now is stored. @throws Error: none was, for a long time */
  async progressed(): Promise<void> {
    const goal = this.#batches.length + BATCHES
    const deadline = performance.now() + NEVER_MS
    while (this.#stored < goal) {
      if (performance.now() > deadline)
        throw new Error(`nothing is stored any more: ${JSON.stringify([...this.failures])}`)
      await Promise.race([sleep(PAUSE_MS), this.#loop])
    }
  }

  /** Ends, with everything stored. @returns what was */
  async stop(): Promise<readonly Batch[]> {
    this.#stopping = true
    await this.#loop
    return this.#batches
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const gather = Array.from({ length: BATCHES }, (_, index) =>
        makeBatch(
          'gateway_pings',
          Math.floor((Date.now() - AGE_MS) / 1000) * 1000,
          repeated(ROWS, { gw_id: `gw-${this.#batches.length + index}` }),
        ),
      )
      this.#batches.push(...gather)
      await this.#insert(gather)
      this.#stored += gather.length
      await sleep(PAUSE_MS)
    }
  }

  /** Until it is stored: after an unknown outcome, ownership is taken again first. */
  async #insert(gather: readonly Batch[]): Promise<void> {
    let doubted: Ownership | null = null
    await this.#persist(async () => {
      const owner = this.#owner
      const { store, ownership } = owner
      if (doubted === ownership) {
        const next = await store.takeOwnership('gateway_pings', PARTITION, ownership)
        if (this.#owner === owner) this.#owner = { store, ownership: next }
      }
      doubted = this.#owner.ownership
      await this.#owner.store.insertOnce('gateway_pings', gather, [this.#owner.ownership])
    })
  }

  /** Repeats what the store cannot do now, or another owner forbids. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof GatepostError)) throw error
        const { code } = error
        this.failures.set(code, (this.failures.get(code) ?? 0) + 1)
        if (code !== 'STORE_UNAVAILABLE' && code !== 'STORE_FENCED')
          throw new Error(`${code}: ${messageOf(error)}`, { cause: error })
        await sleep(RETRY_MS)
      }
    }
  }
}

/** What is wrong with the rows of batches that were all stored: lost, incomplete, or there twice. */
export async function wrongBatches(store: Pick<Store, 'query'>, batches: readonly Batch[]): Promise<string[]> {
  const rows = await store.query<{ batch_id: string; rows: string; places: string }>(
    'SELECT batch_id, count() AS rows, uniqExact(batch_index) AS places FROM gatepost.gateway_pings GROUP BY batch_id',
  )
  const found = new Map(rows.map((row) => [row.batch_id, row]))
  const wrong = batches.flatMap((batch) => {
    const row = found.get(batchUuid(batch))
    if (row?.rows === String(ROWS) && row.places === String(ROWS)) return []
    return [`${batchUuid(batch)}: ${row?.rows ?? 0} rows in ${row?.places ?? 0} places`]
  })
  const [{ gateways }] = await store.query<{ gateways: number }>(
    "SELECT uniqExact(gw_id)::UInt32 AS gateways FROM gatepost.gateway_latest WHERE startsWith(gw_id, 'gw-')",
  )
  return gateways === batches.length ? wrong : [...wrong, `${gateways} gateways of ${batches.length} in the view`]
}
