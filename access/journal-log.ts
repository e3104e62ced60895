import { open, rename, stat, writeFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { AccessClaims } from './claims.ts'
import { AccessTable, subjectOf } from './table.ts'
import { accessEntryOf, MAX_SUBJECTS, type AccessEntry, type AccessLog } from './log.ts'
import { syncDirectory } from '../log/journal/disk.ts'

/*
 * The access decisions of an installation without Kafka: one file in the data directory that every process of it appends to and follows.
 *
 *   file   = *( LF record LF )
 *   record = {"key": <key>, "entry": <entry, or null where it is taken back>}
 *
 * A record is one write to a file that was opened to append, so that records of several processes never mix, and their order is the same
 * for everybody. It begins with a line feed of its own: what a power loss left of the one before it stays apart from it.
 */

const FILE = 'access-control.log'
const POLL_MS = 100
const SWEEP_MS = 3_600_000
const READ_BYTES = 1024 * 1024
const LF = 0x0a

export class FileAccessLog implements AccessLog {
  /** Records that are none, since the start. */
  malformed = 0
  readonly #path: string
  readonly #logger: Logger
  readonly #claims = new AccessClaims()
  readonly #listeners: ((subject: string) => void)[] = []
  /** What decisions are made from. */
  #table = new AccessTable()
  /** What is read into: the same, but while another file is read from its beginning. */
  #filling = this.#table
  #opened: OpenedFile
  /** Where the next record begins that has not been read. */
  #offset = 0
  /** What was read of a record whose end is not there yet. */
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
   * Reads everything that was decided so far. PRECONDITION: the directory is there.
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
        // Another process may have put a shorter file into this one's place meanwhile.
        if ((await stat(this.#path)).ino === inode) break
        await this.#reopen(inode)
      }
      await this.#read()
    } catch (error) {
      throw new GatepostError('LOG_UNAVAILABLE', `cannot write to ${this.#path}: ${messageOf(error)}`, error)
    }
  }

  /** What others have appended. */
  async #follow(): Promise<void> {
    try {
      const { ino, size } = await stat(this.#path)
      const { inode } = this.#opened
      if (ino !== inode) await this.#reopen(inode)
      else if (size !== this.#offset + this.#partial.length) await this.#read()
    } catch (error) {
      if (!this.#closed)
        this.#logger.error(
          { error: messageOf(error) },
          'access log: cannot read new decisions; this worker keeps using those it has',
        )
    }
  }

  /** Once for a file that is no longer there, however many find out. */
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
    // Decisions go on by the old table until the new one is complete.
    this.#filling = new AccessTable()
    await this.#read()
    this.#table = this.#filling
    // Node.js waits for what is under way with it.
    await old.close()
  }

  /** One after the other: each goes on where the one before it ended. */
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
          { subjects: MAX_SUBJECTS },
          'access log: more subjects than fit into memory; new ones are ignored',
        )
    }
  }

  /** What has ended long ago need not be remembered; the file forgets it when it is next compacted. */
  #sweep(): void {
    for (const key of [...this.#table.endedBefore(Date.now() - SWEEP_MS)]) this.#table.apply(key, null)
  }
}

/**
 * Writes what still counts into a new file that takes the old one's place. Others may append meanwhile, to either file: they look at
 * which of them it was.
 * @throws Error of the file system: the old file is still there
 */
export async function compactAccessLog(directory: string, now: number): Promise<void> {
  const path = join(directory, FILE)
  const old = await open(path, 'r').catch(() => null)
  if (old === null) return
  try {
    const fresh = `${path}.new`
    let bytes: Buffer
    do {
      bytes = await readAll(old, 0)
      const table = new AccessTable()
      applyLines(bytes, (key, entry) => table.apply(key, entry))
      const records = [...table.records(now)].map(([key, entry]) => `\n${recordText(key, entry)}\n`)
      await writeFile(fresh, records.join(''), { mode: 0o600, flush: true })
    } while ((await old.stat()).size > bytes.length)
    await rename(fresh, path)
    await syncDirectory(directory)
    const late = await readAll(old, bytes.length)
    if (late.length === 0) return
    const { file } = await openFile(path)
    await file.write(late)
    await file.datasync()
    await file.close()
  } finally {
    await old.close()
  }
}

interface OpenedFile {
  readonly file: FileHandle
  readonly inode: number
}

async function openFile(path: string): Promise<OpenedFile> {
  const file = await open(path, 'a+', 0o600)
  return { file, inode: (await file.stat()).ino }
}

async function readAll(file: FileHandle, from: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let position = from; ;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, position)
    if (bytesRead === 0) return Buffer.concat(parts)
    parts.push(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
}

/** @returns how many lines are no records */
function applyLines(bytes: Buffer, apply: (key: string, entry: AccessEntry | null) => void): number {
  let malformed = 0
  for (const line of bytes.toString('utf8').split('\n')) {
    if (line === '') continue
    const record = recordOf(line)
    if (record === null) malformed++
    else apply(record.key, record.entry)
  }
  return malformed
}

function recordText(key: string, entry: AccessEntry | null): string {
  if (entry === null) return JSON.stringify({ key, entry })
  const { updatedAt, ...rest } = entry
  return JSON.stringify({ key, entry: { ...rest, updated_at: updatedAt } })
}

function recordOf(line: string): { key: string; entry: AccessEntry | null } | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null) return null
  const { key, entry } = parsed as Record<string, unknown>
  if (typeof key !== 'string') return null
  if (entry === null) return { key, entry }
  const decoded = accessEntryOf(entry)
  return decoded === null ? null : { key, entry: decoded }
}
