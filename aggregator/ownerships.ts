import type { Gathered } from '../log/contract.ts'
import type { Stream } from '../schemas/streams/index.ts'
import type { Ownership, Store } from '../store/contract.ts'

interface Held {
  readonly ownership: Ownership
  readonly assignment: number
  /** The outcome of an attempt under it is unknown: a new epoch keeps that attempt from writing late. */
  doubtful: boolean
}

/** The ownerships under which one stream's batches are inserted, one per part of the log that this process reads. */
export class Ownerships {
  readonly #stream: Stream
  readonly #store: Store
  readonly #held = new Map<string, Held>()

  constructor(stream: Stream, store: Store) {
    this.#stream = stream
    this.#store = store
  }

  /**
   * Returns the ownerships of the parts that gathers come from, and takes those that are missing.
   * @throws GatepostError STORE_FENCED, STORE_UNAVAILABLE
   */
  async of(gathered: readonly Gathered[]): Promise<Ownership[]> {
    const ownerships = new Map<string, Ownership>()
    for (const { partition, assignment } of gathered) {
      if (!ownerships.has(partition)) ownerships.set(partition, await this.#ownership(partition, assignment))
    }
    return [...ownerships.values()]
  }

  /** An attempt failed: whether it still runs somewhere is not known. */
  doubt(): void {
    for (const held of this.#held.values()) held.doubtful = true
  }

  /** Another process has taken over a part: ownership is taken again for whatever it reads next. */
  forget(): void {
    this.#held.clear()
  }

  async #ownership(partition: string, assignment: number): Promise<Ownership> {
    const held = this.#held.get(partition)
    const same = held !== undefined && held.assignment === assignment
    if (same && !held.doubtful) return held.ownership
    const ownership = await this.#store.takeOwnership(this.#stream, partition, same ? held.ownership : null)
    this.#held.set(partition, { ownership, assignment, doubtful: false })
    return ownership
  }
}
