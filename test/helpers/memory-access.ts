import { AccessTable } from '../../access/table.ts'
import type { AccessEntry, AccessLog } from '../../access/log.ts'

/** Access decisions of one process in memory, for tests of what decides by them. */
export class MemoryAccess implements AccessLog {
  known = true
  /** Everything that was written, in order. */
  readonly written: [string, AccessEntry | null][] = []
  /** What the next write fails with. */
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
