import { watch, type FSWatcher } from 'node:fs'
import { open, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { RecordSchema } from '../../schemas/avro.ts'
import type { Batch } from '../../schemas/batch.ts'
import { batchOfBlock } from '../../schemas/block.ts'
import { openContainer } from '../../schemas/opened-container.ts'
import { scanBlocks } from '../../schemas/scan.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { existingSlots, OPEN_SUFFIX, parseSegmentName, SEALED_SUFFIX, slotDirectory } from './layout.ts'

/** Larger than any block. */
const READ_BYTES = 8 * 2 ** 20
const POLL_MS = 100

interface Followed {
  readonly file: FileHandle
  /** Where the next block begins. */
  position: number
  /** Null: the header is not written yet. */
  header: { readonly schema: RecordSchema; readonly sync: Buffer } | null
  /** Blocks that end before are from before the beginning. */
  readonly since: number
}

/**
 * Watches a journal as it is written, without taking anything from it and without its locks. A segment that is open stays readable when it
 * is stored and removed. Blocks are seen before they are synced.
 */
export class JournalFollower {
  readonly #journal: string
  readonly #stream: Stream
  readonly #onBatch: (batch: Batch) => void
  readonly #followed = new Map<string, Followed>()
  /** Segments that were sealed before the beginning, and those that this version cannot read. */
  readonly #ignored = new Set<string>()
  readonly #watchers: FSWatcher[] = []
  #wake: (() => void) | null = null
  #stopped = false
  /** Segments that a later version wrote. */
  unreadable = 0

  constructor(journal: string, stream: Stream, onBatch: (batch: Batch) => void) {
    this.#journal = journal
    this.#stream = stream
    this.#onBatch = onBatch
  }

  /** From now on. Resolves when every batch that is appended later will be seen. */
  async begin(): Promise<void> {
    for (const slot of existingSlots(this.#journal)) {
      // A segment lives for at least some hundred milliseconds; this opens it at once.
      this.#watchers.push(watch(slotDirectory(this.#journal, slot), () => this.#wake?.()))
    }
    await this.#look(true)
  }

  /** Until stop() is called. @throws the file system's error */
  async run(): Promise<void> {
    while (!this.#stopped) {
      await this.#look(false)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    for (const watcher of this.#watchers) watcher.close()
    for (const { file } of this.#followed.values()) await file.close()
  }

  stop(): void {
    this.#stopped = true
    this.#wake?.()
  }

  async #look(first: boolean): Promise<void> {
    const present = new Set<string>()
    for (const slot of existingSlots(this.#journal)) {
      const directory = slotDirectory(this.#journal, slot)
      for (const name of await readdir(directory)) {
        if (parseSegmentName(name)?.stream !== this.#stream) continue
        const key = name.replace(OPEN_SUFFIX, '').replace(SEALED_SUFFIX, '')
        present.add(key)
        if (this.#followed.has(key) || this.#ignored.has(key)) continue
        if (first && !name.endsWith(OPEN_SUFFIX)) this.#ignored.add(key)
        else await this.#open(key, join(directory, name), first)
      }
    }
    for (const key of this.#ignored) if (!present.has(key)) this.#ignored.delete(key)
    for (const [key, followed] of this.#followed) {
      const readable = await this.#read(followed)
      if (readable && present.has(key)) continue
      this.#followed.delete(key)
      await followed.file.close()
      if (readable) continue
      this.unreadable++
      this.#ignored.add(key)
    }
  }

  async #open(key: string, path: string, first: boolean): Promise<void> {
    try {
      const file = await open(path, 'r')
      this.#followed.set(key, { file, position: 0, header: null, since: first ? (await file.stat()).size : 0 })
    } catch (error) {
      // It was sealed, or stored and removed: the next look finds it, if it is still there.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }

  /** Up to the end of the file. @returns false: a later version wrote it */
  async #read(followed: Followed): Promise<boolean> {
    for (;;) {
      const { buffer, bytesRead } = await followed.file.read(
        Buffer.allocUnsafe(READ_BYTES),
        0,
        READ_BYTES,
        followed.position,
      )
      const bytes = buffer.subarray(0, bytesRead)
      let start = 0
      if (followed.header === null) {
        const container = openContainer(this.#stream, bytes)
        if (container === null) return true
        if ('unreadable' in container) return false
        followed.header = { schema: container.schema, sync: container.sync }
        start = container.start
      }
      const { schema, sync } = followed.header
      const { blocks, end } = scanBlocks(bytes, start, sync)
      for (const block of blocks) {
        if (followed.position + block.end <= followed.since) continue
        const batch = batchOfBlock(schema, bytes, block)
        if (batch !== null) this.#onBatch(batch)
      }
      if (end === 0) return true
      followed.position += end
      if (bytesRead < READ_BYTES) return true
    }
  }
}
