import { emptyTotals, replayPart, type ReplayTotals } from '../../aggregator/replay.ts'
import { ErasedSubjects } from '../../privacy/erased.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Store } from '../../store/contract.ts'
import type { Retention } from '../../store/retention.ts'

const PER_INSERT = 5000

export interface ImporterOptions {
  readonly retention: Retention
  /** Returns the token keys with which erased subjects are hashed; called only if there are any. */
  readonly keys: () => readonly string[]
  /** The part of the log that the records come from, as named under the fence. */
  readonly partition: string
}

/** Stores batches of one record whose identity comes from what is imported, so that importing it again changes nothing. */
export class Importer {
  /** What came of the batches that were inserted. */
  readonly totals: ReplayTotals = emptyTotals()
  readonly #store: Store
  readonly #options: ImporterOptions
  readonly #erased: ErasedSubjects
  /** By stream and month, then by identity. At most PER_INSERT in all. */
  readonly #waiting = new Map<string, Map<string, Batch>>()
  #count = 0

  private constructor(store: Store, options: ImporterOptions, erased: ErasedSubjects) {
    this.#store = store
    this.#options = options
    this.#erased = erased
  }

  static async open(store: Store, options: ImporterOptions): Promise<Importer> {
    return new Importer(store, options, await ErasedSubjects.load(store, options.keys))
  }

  /** @returns whether what was waiting has been inserted */
  async add(batch: Batch): Promise<boolean> {
    const key = `${batch.stream} ${new Date(batch.minReceivedAt).toISOString().slice(0, 7)}`
    const batches = this.#waiting.get(key) ?? new Map<string, Batch>()
    this.#waiting.set(key, batches)
    const id = batch.batchId.toString('hex')
    if (batches.has(id)) this.totals.present++
    batches.set(id, batch)
    if (++this.#count < PER_INSERT) return false
    await this.flush()
    return true
  }

  async flush(): Promise<void> {
    const { retention, partition } = this.#options
    for (const batches of this.#waiting.values()) {
      const all = [...batches.values()]
      const { stream } = all[0]
      const options = { store: this.#store, stream, partition, retention, erased: this.#erased }
      await replayPart(options, { batches: all, letters: [] }, this.totals)
    }
    this.#waiting.clear()
    this.#count = 0
  }
}
