import type { Gathered, Lag, LogReader } from '../../log/contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'

/** A record log in memory, for orders, repetitions and crash points that are rare with a real log. */
export class MemoryLog implements LogReader {
  readonly #batches = new Map<Stream, Batch[]>()
  readonly #read = new Map<Stream, number>()
  readonly #committed = new Map<Stream, number>()

  append(...batches: Batch[]): void {
    for (const batch of batches) {
      const waiting = this.#batches.get(batch.stream)
      if (waiting) waiting.push(batch)
      else this.#batches.set(batch.stream, [batch])
    }
  }

  read(stream: Stream, maxBytes: number, except?: ReadonlySet<string>): Promise<Gathered | null> {
    if (except?.has('memory')) return Promise.resolve(null)
    const waiting = this.#batches.get(stream) ?? []
    const start = this.#read.get(stream) ?? 0
    let end = start
    let bytes = 0
    while (end < waiting.length && (end === start || bytes + waiting[end].records.byteLength <= maxBytes)) {
      bytes += waiting[end++].records.byteLength
    }
    if (end === start) return Promise.resolve(null)
    this.#read.set(stream, end)
    return Promise.resolve({
      stream,
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

  commit({ stream, position }: Gathered): Promise<void> {
    this.#committed.set(stream, position as number)
    return Promise.resolve()
  }

  rewind(stream: Stream): void {
    this.#read.set(stream, this.#committed.get(stream) ?? 0)
  }

  /** Reads as a new process would: from the first batch, regardless of commits. */
  replay(): void {
    this.#read.clear()
    this.#committed.clear()
  }

  committed(stream: Stream): number {
    return this.#committed.get(stream) ?? 0
  }

  /** Batches that were not read yet. */
  waiting(stream: Stream): number {
    return (this.#batches.get(stream)?.length ?? 0) - (this.#read.get(stream) ?? 0)
  }

  lag(stream: Stream): Promise<Lag> {
    const batches = (this.#batches.get(stream)?.length ?? 0) - this.committed(stream)
    return Promise.resolve({ bytes: batches, batches, oldestAt: batches === 0 ? null : 0 })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
