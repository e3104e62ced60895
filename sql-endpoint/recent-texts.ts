/** What is known of recent texts. Bounded in number and by the length of texts; the one that was not used for longest is dropped. */
export class RecentTexts<T> {
  readonly #max: number
  readonly #maxLength: number
  readonly #recent = new Map<string, T>()

  constructor(max: number, maxLength: number) {
    this.#max = max
    this.#maxLength = maxLength
  }

  get(key: string): T | undefined {
    const found = this.#recent.get(key)
    if (found === undefined) return undefined
    this.#recent.delete(key)
    this.#recent.set(key, found)
    return found
  }

  set(key: string, known: T): void {
    if (key.length > this.#maxLength) return
    this.#recent.set(key, known)
    if (this.#recent.size <= this.#max) return
    const [oldest] = this.#recent.keys()
    this.#recent.delete(oldest)
  }
}
