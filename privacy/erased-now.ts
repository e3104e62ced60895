import type { Store } from '../store/contract.ts'
import { ErasedSubjects } from './erased.ts'

/** How old what an aggregator knows of erased people is at most when it begins an insert, ms. */
export const ERASED_MAX_AGE_MS = 2000

/** The erased people as they are now, read again when an insert needs them and they were last read too long ago. */
export class ErasedNow {
  readonly #store: Pick<Store, 'query'>
  readonly #keys: () => readonly string[]
  #loaded: Promise<ErasedSubjects> | null = null
  #loadedAt = -Infinity

  /** `keys` gives the token keys, and is asked only once somebody was erased. */
  constructor(store: Pick<Store, 'query'>, keys: () => readonly string[]) {
    this.#store = store
    this.#keys = keys
  }

  /** @throws GatepostError of the store or of `keys`: nothing may be inserted, since somebody erased could be in it */
  get(): Promise<ErasedSubjects> {
    const now = performance.now()
    if (this.#loaded !== null && now - this.#loadedAt < ERASED_MAX_AGE_MS) return this.#loaded
    const loading = ErasedSubjects.load(this.#store, this.#keys)
    this.#loaded = loading
    this.#loadedAt = now
    loading.catch(() => {
      if (this.#loaded === loading) this.#loaded = null
    })
    return loading
  }
}
