/** Maximum number of keys; when full, the key with the oldest window is evicted. */
const MAX_KEYS = 20_000

/**
 * Counts failures (or other events to be limited) by key in windows of fixed length. It counts in memory: with n workers the installation
 * allows n times as many.
 */
export class FailureLimiter {
  readonly #limit: number
  readonly #windowMs: number
  /** Key to its window; insertion order is age. */
  readonly #windows = new Map<string, { readonly ends: number; failures: number }>()
  /** Attempts refused because of the limit. */
  refused = 0

  constructor(limit: number, windowMs: number) {
    this.#limit = limit
    this.#windowMs = windowMs
  }

  /** Whether another attempt is allowed. */
  allows(key: string, now: number): boolean {
    const window = this.#windows.get(key)
    if (window === undefined || window.ends <= now || window.failures < this.#limit) return true
    this.refused++
    return false
  }

  failed(key: string, now: number): void {
    const window = this.#windows.get(key)
    if (window !== undefined && window.ends > now) {
      window.failures++
      return
    }
    this.#windows.delete(key)
    if (this.#windows.size >= MAX_KEYS) {
      for (const oldest of this.#windows.keys()) {
        this.#windows.delete(oldest)
        break
      }
    }
    this.#windows.set(key, { ends: now + this.#windowMs, failures: 1 })
  }
}
