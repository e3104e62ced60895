import { AccessTable } from '../../access/table.ts'
import type { AccessEntry, AccessLog } from '../../access/log.ts'

/** Access decisions of one process in memory, for tests of code that uses them. */
export class MemoryAccess implements AccessLog {
  known = true
  /** All entries that were written, in order. */
  readonly written: [string, AccessEntry | null][] = []
  /** The error of the next write. */
  failure: Error | null = null
  readonly #table = new AccessTable()
  readonly #listeners: ((subject: string) => void)[] = []

  get(subject: string, now: number): AccessEntry | undefined {
    return this.#table.get(subject, now)
  }

  entries(prefix: string, now: number): Iterable<readonly [string, AccessEntry]> {
    return this.#table.entries(prefix, now)
  }

  put(subject: string, entry: AccessEntry | null): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure)
    this.written.push([subject, entry])
    this.#table.apply(subject, entry)
    for (const listener of this.#listeners) listener(subject)
    return Promise.resolve()
  }

  async claim(subject: string, entry: AccessEntry): Promise<AccessEntry> {
    const before = this.get(subject, entry.updatedAt)
    if (before !== undefined) return before
    await this.put(subject, entry)
    return entry
  }

  watch(listener: (subject: string) => void): void {
    for (const subject of this.#table.subjects()) listener(subject)
    this.#listeners.push(listener)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
