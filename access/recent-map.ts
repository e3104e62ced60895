/** Values by key, bounded: beyond it the one that was not asked for for longest goes (least recently used). */
export class RecentMap<V> {
  readonly #max: number
  /** Insertion order is age. */
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  constructor(max: number) {
    this.#max = max
  }

  /**
   * Two generations stand for an exact order: what is asked for moves to the young one, and when that is full the old one goes. A lookup
   * then costs no deletion.
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
