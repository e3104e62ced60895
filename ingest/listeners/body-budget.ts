import { addressGroup } from '../../common/ip-address.ts'

/** One address may hold this part of the budget. */
const SHARE = 4

/** How many bytes the unfinished bodies of all requests of a worker may have. A body that arrives whole takes nothing. */
export class BodyBudget {
  readonly maxBytes: number
  /** Bounded by the number of unfinished bodies. */
  readonly #byGroup = new Map<string, number>()
  usedBytes = 0
  /** Requests refused because the budget, or the share of their address, was used up. */
  refused = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** The part of one body. `exempt`: a trusted proxy or the like, whose bodies are those of many clients. */
  body(address: string, exempt: boolean): BodyShare {
    return new BodyShare(this, exempt ? null : addressGroup(address))
  }

  take(bytes: number, group: string | null): boolean {
    const held = group === null ? 0 : (this.#byGroup.get(group) ?? 0)
    if (this.usedBytes + bytes > this.maxBytes || held + bytes > this.maxBytes / SHARE) {
      this.refused++
      return false
    }
    this.usedBytes += bytes
    if (group !== null) this.#byGroup.set(group, held + bytes)
    return true
  }

  give(bytes: number, group: string | null): void {
    this.usedBytes -= bytes
    if (group === null) return
    const held = (this.#byGroup.get(group) ?? 0) - bytes
    if (held > 0) this.#byGroup.set(group, held)
    else this.#byGroup.delete(group)
  }
}

/** What one body has taken. */
export class BodyShare {
  readonly #budget: BodyBudget
  readonly #group: string | null
  #bytes = 0

  constructor(budget: BodyBudget, group: string | null) {
    this.#budget = budget
    this.#group = group
  }

  /** False: refused; the request must be answered, and what it has taken released. */
  take(bytes: number): boolean {
    if (!this.#budget.take(bytes, this.#group)) return false
    this.#bytes += bytes
    return true
  }

  /** May be called more than once. */
  release(): void {
    if (this.#bytes > 0) this.#budget.give(this.#bytes, this.#group)
    this.#bytes = 0
  }
}
