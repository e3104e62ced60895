import type { Gathered, Lag, LogReader } from '../../log/contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Topic } from '../../schemas/streams/index.ts'

/** A record log in memory, for orders, repetitions and crash points that a real one shows rarely. */
export class MemoryLog implements LogReader {
  readonly #batches = new Map<Topic, Batch[]>()
  readonly #read = new Map<Topic, number>()
  readonly #committed = new Map<Topic, number>()

  append(...batches: Batch[]): void {
    for (const batch of batches) {
      const waiting = this.#batches.get(batch.topic)
      if (waiting) waiting.push(batch)
      else this.#batches.set(batch.topic, [batch])
    }
  }

  read(topic: Topic, maxBytes: number, except?: ReadonlySet<string>): Promise<Gathered | null> {
    if (except?.has('memory')) return Promise.resolve(null)
    const waiting = this.#batches.get(topic) ?? []
    const start = this.#read.get(topic) ?? 0
    let end = start
    let bytes = 0
    while (end < waiting.length && (end === start || bytes + waiting[end].records.byteLength <= maxBytes)) {
      bytes += waiting[end++].records.byteLength
    }
    if (end === start) return Promise.resolve(null)
    this.#read.set(topic, end)
    return Promise.resolve({
      topic,
      batches: waiting.slice(start, end),
      bytes,
      partition: 'memory',
      assignment: 0,
      letters: [],
      position: end,
    })
  }

  isCurrent(): boolean {
    return true
  }

  commit({ topic, position }: Gathered): Promise<void> {
    this.#committed.set(topic, position as number)
    return Promise.resolve()
  }

  rewind(topic: Topic): void {
    this.#read.set(topic, this.#committed.get(topic) ?? 0)
  }

  /** As a new process would: from the first batch, whatever was committed. */
  replay(): void {
    this.#read.clear()
    this.#committed.clear()
  }

  committed(topic: Topic): number {
    return this.#committed.get(topic) ?? 0
  }

  /** Batches that have not been read. */
  waiting(topic: Topic): number {
    return (this.#batches.get(topic)?.length ?? 0) - (this.#read.get(topic) ?? 0)
  }

  lag(topic: Topic): Promise<Lag> {
    const batches = (this.#batches.get(topic)?.length ?? 0) - this.committed(topic)
    return Promise.resolve({ bytes: batches, batches, oldestAt: batches === 0 ? null : 0 })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
