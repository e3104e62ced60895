import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { AccessClaims } from './claims.ts'
import { AccessTable, subjectOf } from './table.ts'
import { applyLines, FILE, LF, openFile, READ_BYTES, recordText, type OpenedFile } from './journal-file.ts'
import { MAX_SUBJECTS, type AccessEntry, type AccessLog } from './log.ts'

const POLL_MS = 100
const SWEEP_MS = 3_600_000

/** The access log in a file (journal-file.ts), which every process of an installation without Kafka appends to and follows. */
export class FileAccessLog implements AccessLog {
  /** Invalid records since the start. */
  malformed = 0
  readonly #path: string
  readonly #logger: Logger
  readonly #claims = new AccessClaims()
  readonly #listeners: ((subject: string) => void)[] = []
  /** The table that decisions are made from. */
  #table = new AccessTable()
  /** The table that records are applied to: the same one, except while a replaced file is read from its beginning. */
  #filling = this.#table
  #opened: OpenedFile
  /** Offset of the next unread record. */
  #offset = 0
  /** The part read so far of an incomplete record. */
  #partial: Buffer = Buffer.alloc(0)
  #reading: Promise<void> = Promise.resolve()
  #reopening: Promise<void> | null = null
  readonly #timers: NodeJS.Timeout[]
  #closed = false

  private constructor(path: string, opened: OpenedFile, logger: Logger) {
    this.#path = path
    this.#opened = opened
    this.#logger = logger
    this.#timers = [setInterval(() => void this.#follow(), POLL_MS), setInterval(() => this.#sweep(), SWEEP_MS)]
    for (const timer of this.#timers) timer.unref()
  }

  /**
   * Opens the log and reads it to its end. PRECONDITION: the directory exists.
   * @throws GatepostError LOG_UNAVAILABLE
   */
  static async open(directory: string, logger: Logger): Promise<FileAccessLog> {
    const path = join(directory, FILE)
    try {
      const log = new FileAccessLog(path, await openFile(path), logger)
      await log.#read()
      return log
    } catch (error) {
      throw new GatepostError('LOG_UNAVAILABLE', `${path}: ${messageOf(error)}`, error)
    }
  }

  get known(): boolean {
    return !this.#table.full
  }

  get size(): number {
    return this.#table.size
  }

  get(subject: string, now: number): AccessEntry | undefined {
    return this.#table.get(subject, now)
  }

  entries(prefix: string, now: number): Iterable<readonly [string, AccessEntry]> {
    return this.#table.entries(prefix, now)
  }

  async put(subject: string, entry: AccessEntry | null): Promise<void> {
    if (entry !== null) return this.#write(subject, entry)
    for (const key of this.#table.keysOf(subject)) await this.#write(key, null)
  }

  async claim(subject: string, entry: AccessEntry): Promise<AccessEntry> {
    const before = this.get(subject, entry.updatedAt)
    if (before !== undefined) return before
    await this.#claims.make(subject, entry, (key, claim) => this.#write(key, claim))
    return this.get(subject, entry.updatedAt) ?? entry
  }

  watch(listener: (subject: string) => void): void {
    for (const subject of this.#table.subjects()) listener(subject)
    this.#listeners.push(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    await this.#reopening?.catch(() => {})
    await this.#reading.catch(() => {})
    await this.#opened.file.close()
  }

  async #write(key: string, entry: AccessEntry | null): Promise<void> {
    const record = Buffer.from(`\n${recordText(key, entry)}\n`)
    try {
      for (;;) {
        const { file, inode } = this.#opened
        const { bytesWritten } = await file.write(record)
        if (bytesWritten < record.length) throw new Error('the disk wrote only part of a record')
        await file.datasync()
        // Another process may have replaced the file with a compacted one meanwhile.
        if ((await stat(this.#path)).ino === inode) break
        await this.#reopen(inode)
      }
      await this.#read()
    } catch (error) {
      throw new GatepostError('LOG_UNAVAILABLE', `cannot write to ${this.#path}: ${messageOf(error)}`, error)
    }
  }

  /** Reads what other processes have appended. */
  async #follow(): Promise<void> {
    try {
      const { ino, size } = await stat(this.#path)
      const { inode } = this.#opened
      if (ino !== inode) await this.#reopen(inode)
      else if (size !== this.#offset + this.#partial.length) await this.#read()
    } catch (error) {
      if (!this.#closed)
        this.#logger.error(
          { event: 'access_log.read_failed', error: messageOf(error) },
          'access log: cannot read new decisions; this worker keeps using those it has',
        )
    }
  }

  /** Runs once per replaced file, even if several callers notice the replacement. */
  async #reopen(inode: number): Promise<void> {
    if (this.#opened.inode !== inode) return
    this.#reopening ??= this.#switch().finally(() => (this.#reopening = null))
    await this.#reopening
  }

  async #switch(): Promise<void> {
    const opened = await openFile(this.#path)
    await this.#reading.catch(() => {})
    const { file: old } = this.#opened
    this.#opened = opened
    this.#offset = 0
    this.#partial = Buffer.alloc(0)
    // Decisions use the old table until the new one is complete.
    this.#filling = new AccessTable()
    await this.#read()
    this.#table = this.#filling
    // close() waits for reads and writes in flight.
    await old.close()
  }

  /** Reads run one after the other; each starts where the previous one ended. */
  #read(): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(() => this.#readOn())
    return this.#reading
  }

  async #readOn(): Promise<void> {
    const table = this.#filling
    const { file } = this.#opened
    for (;;) {
      const start = this.#offset + this.#partial.length
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, start)
      if (bytesRead === 0) return
      const bytes = Buffer.concat([this.#partial, buffer.subarray(0, bytesRead)])
      const end = bytes.lastIndexOf(LF) + 1
      this.malformed += applyLines(bytes.subarray(0, end), (key, entry) => {
        table.apply(key, entry)
        this.#claims.seen(key)
        for (const listener of this.#listeners) listener(subjectOf(key))
      })
      this.#offset += end
      this.#partial = bytes.subarray(end)
      if (table.full)
        this.#logger.error(
          { event: 'access_log.full', subjects: MAX_SUBJECTS },
          'access log: more subjects than fit into memory; new ones are ignored',
        )
    }
  }

  /** Drops entries that ended long ago from memory; the next compaction drops them from the file. */
  #sweep(): void {
    for (const key of [...this.#table.endedBefore(Date.now() - SWEEP_MS)]) this.#table.apply(key, null)
  }
}
