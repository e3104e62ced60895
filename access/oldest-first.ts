/** A map that holds `max` entries: a new one displaces the one that was written longest ago. */
export class OldestFirstMap<V> {
  readonly #max: number
  /** Iteration order is the order of writing. */
  readonly #entries = new Map<string, V>()
  /** Entries that were displaced. */
  displaced = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)
  }

  set(key: string, value: V): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#max) {
      const [oldest] = this.#entries.keys()
      this.#entries.delete(oldest)
      this.displaced++
    }
    this.#entries.set(key, value)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys()
  }

  values(): IterableIterator<V> {
    return this.#entries.values()
  }

  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.#entries[Symbol.iterator]()
  }
}
