/** What many open pages ask for at once is computed once: everyone who asks within `forMs` is given the same. */
export function cached<T>(forMs: number, compute: () => Promise<T>): () => Promise<T> {
  let newest: { readonly at: number; readonly value: Promise<T> } | null = null
  return () => {
    if (newest === null || Date.now() - newest.at > forMs) {
      const value = compute()
      const entry = { at: Date.now(), value }
      newest = entry
      // An error is not kept.
      value.catch(() => {
        if (newest === entry) newest = null
      })
    }
    return newest.value
  }
}
