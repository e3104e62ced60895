/** A bounded map that evicts (approximately) the least recently used entries. */
export class RecentMap<V> {
  readonly #max: number
  /** Iteration order is insertion order. */
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  constructor(max: number) {
    this.#max = max
  }

  /**
   * Two generations approximate exact LRU order: a hit moves the entry to the young generation, and when that is full the old one is
   * dropped. So a lookup never deletes.
   */
  get(key: string): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    return old === undefined ? undefined : this.add(key, old)
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  add(key: string, value: V): V {
    if (this.#young.size >= this.#max / 2) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
    return value
  }
}
