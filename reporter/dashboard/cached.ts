/**
 * Caches a computation that many open pages ask for: callers during the computation, and for `forMs` afterwards, get the same result. It
 * never runs twice at the same time, however long it takes.
 */
export function cached<T>(forMs: number, compute: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | null = null
  let until = Infinity
  return () => {
    if (value !== null && Date.now() <= until) return value
    until = Infinity
    value = compute()
    value.then(
      () => (until = Date.now() + forMs),
      // Errors are not cached.
      () => (value = null),
    )
    return value
  }
}
