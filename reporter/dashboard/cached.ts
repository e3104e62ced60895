/**
 * What many open pages ask for at once is computed once: whoever asks while it is computed, or within `forMs` after, is given the same.
 * However long it takes, it never runs twice at a time.
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
      // An error is not kept.
      () => (value = null),
    )
    return value
  }
}
