import type { Store } from '../store/contract.ts'
import { ErasedSubjects } from './erased.ts'

/** Maximum age of the erased subjects that an aggregator uses when it starts an insert, ms. */
export const ERASED_MAX_AGE_MS = 2000

/** The current erased subjects, read again when an insert needs them and they are older than ERASED_MAX_AGE_MS. */
export class ErasedNow {
  readonly #store: Pick<Store, 'query'>
  readonly #keys: () => readonly string[]
  #loaded: Promise<ErasedSubjects> | null = null
  #loadedAt = -Infinity

  /** `keys` returns the token keys; called only if there are erased subjects. */
  constructor(store: Pick<Store, 'query'>, keys: () => readonly string[]) {
    this.#store = store
    this.#keys = keys
  }

  /** @throws GatepostError of the store or of `keys`: nothing may be inserted, since it could name an erased subject */
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
