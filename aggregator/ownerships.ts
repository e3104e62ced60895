import type { Gathered } from '../log/contract.ts'
import type { Topic } from '../schemas/streams/index.ts'
import type { Claim, Store } from '../store/contract.ts'

interface Held {
  readonly claim: Claim
  readonly assignment: number
  /** The outcome of an attempt under it is unknown: a new epoch keeps that attempt from writing late. */
  doubtful: boolean
}

/** The claims under which one topic's batches are inserted, one per part of the log that this process reads. */
export class Claims {
  readonly #topic: Topic
  readonly #store: Store
  readonly #held = new Map<string, Held>()

  constructor(topic: Topic, store: Store) {
    this.#topic = topic
    this.#store = store
  }

  /**
   * The claims of the parts that gathers come from, made where there is none yet.
   * @throws GatepostError STORE_FENCED, STORE_UNAVAILABLE
   */
  async of(gathered: readonly Gathered[]): Promise<Claim[]> {
    const claims = new Map<string, Claim>()
    for (const { partition, assignment } of gathered) {
      if (!claims.has(partition)) claims.set(partition, await this.#claim(partition, assignment))
    }
    return [...claims.values()]
  }

  /** An attempt failed: whether it still runs somewhere is not known. */
  doubt(): void {
    for (const held of this.#held.values()) held.doubtful = true
  }

  /** Another process has claimed a part: what is read again is claimed as if for the first time. */
  forget(): void {
    this.#held.clear()
  }

  async #claim(partition: string, assignment: number): Promise<Claim> {
    const held = this.#held.get(partition)
    const same = held !== undefined && held.assignment === assignment
    if (same && !held.doubtful) return held.claim
    const claim = await this.#store.claim(this.#topic, partition, same ? held.claim : null)
    this.#held.set(partition, { claim, assignment, doubtful: false })
    return claim
  }
}
