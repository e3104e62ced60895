/** Maximum number of keys; when full, the key with the oldest window is evicted. */
const MAX_KEYS = 20_000

interface Window {
  readonly ends: number
  count: number
}

/**
 * Counts failures (or other events to be limited) by key in windows of fixed length. It counts in memory: with n workers the installation
 * allows n times as many.
 */
export class FailureLimiter {
  readonly limit: number
  readonly #windowMs: number
  /** Key to its window; insertion order is age. */
  readonly #windows = new Map<string, Window>()

  constructor(limit: number, windowMs: number) {
    this.limit = limit
    this.#windowMs = windowMs
  }

  /** Whether another attempt is allowed. */
  allows(key: string, now: number): boolean {
    return this.count(key, now) < this.limit
  }

  /** Failures in the window of this key. */
  count(key: string, now: number): number {
    return this.#window(key, now)?.count ?? 0
  }

  /** When the window of this key ends, in ms from now; 0: it has none. */
  endsIn(key: string, now: number): number {
    const window = this.#window(key, now)
    return window === undefined ? 0 : window.ends - now
  }

  failed(key: string, now: number): void {
    const window = this.#window(key, now)
    if (window !== undefined) {
      window.count++
      return
    }
    this.#windows.delete(key)
    if (this.#windows.size >= MAX_KEYS) {
      const [oldest] = this.#windows.keys()
      this.#windows.delete(oldest)
    }
    this.#windows.set(key, { ends: now + this.#windowMs, count: 1 })
  }

  /** Takes one failure back: what was counted when it began has ended well. */
  forgive(key: string, now: number): void {
    const window = this.#window(key, now)
    if (window !== undefined && window.count > 0) window.count--
  }

  #window(key: string, now: number): Window | undefined {
    const window = this.#windows.get(key)
    return window === undefined || window.ends <= now ? undefined : window
  }
}
