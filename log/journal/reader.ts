import { readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Gathered, Lag, LogReader } from '../contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Archive, Erased } from './archive.ts'
import { makeDirectory } from './disk.ts'
import { CORRUPT_DIRECTORY, existingSlots, parseSegmentName, SEALED_SUFFIX, slotDirectory } from './layout.ts'
import { readSegment } from './read-segment.ts'

export interface JournalReaderOptions {
  /** <data directory>/journal */
  readonly directory: string
  /** See Gathered.partition; default `journal`. */
  readonly partition?: string
  /** Reads only these slots; default: all. */
  readonly slots?: readonly number[]
  /** Where committed segments are moved to; default: they are removed. */
  readonly archive?: Archive
  /** Returns the current erased subjects, whose records must not be archived. Default: none. */
  readonly erased?: () => Promise<Erased>
  /**
   * Whether to return batches that this version cannot store whole: set by readers that pass them on unchanged. Default: such a segment is
   * held for a version that can store it.
   */
  readonly passesOn?: boolean
  readonly logger: Logger
}

interface SegmentFile {
  readonly path: string
  readonly name: string
  readonly madeAt: number
}

/** A segment that did not fit into one gather completely, with its remaining batches. */
interface UnfinishedSegment extends FinishedSegment {
  readonly batches: Batch[]
}

interface FinishedSegment {
  readonly file: SegmentFile
  readonly corrupt: boolean
  /** Receive time of its first record, ms since the epoch. */
  readonly oldest: number
}

/** The segments that a gather completed; commit() removes them. */
interface Position {
  readonly finished: readonly FinishedSegment[]
}

export interface JournalReaderStats {
  /** Corrupt segments since the start. */
  corruptSegments: number
  /** Segments held for a later version of Gatepost. */
  heldSegments: number
}

/** Reads the sealed segments of all slots. A journal has one reader; commit() removes or archives a segment. */
export class JournalReader implements LogReader {
  readonly stats: JournalReaderStats = { corruptSegments: 0, heldSegments: 0 }
  readonly #options: JournalReaderOptions
  /** Paths of segments read since the last rewind. */
  readonly #read = new Map<Stream, Set<string>>()
  readonly #partial = new Map<Stream, UnfinishedSegment>()
  /** Held segments: only another version can store them, so this process reads each one once. */
  readonly #held = new Set<string>()

  constructor(options: JournalReaderOptions) {
    this.#options = options
  }

  async read(stream: Stream, maxBytes: number, except?: ReadonlySet<string>): Promise<Gathered | null> {
    const partition = this.#options.partition ?? 'journal'
    if (except?.has(partition)) return null
    const batches: Batch[] = []
    const finished: FinishedSegment[] = []
    let bytes = 0
    let partial = this.#partial.get(stream) ?? null
    this.#partial.delete(stream)
    const waiting = await this.#waiting(stream)
    for (;;) {
      if (partial === null) {
        const file = waiting.shift()
        if (file === undefined) break
        partial = await this.#open(stream, file)
        if (partial === null) continue
        this.#readOf(stream).add(file.path)
      }
      let taken = 0
      for (const batch of partial.batches) {
        if (batches.length > 0 && bytes + batch.records.length > maxBytes) break
        batches.push(batch)
        bytes += batch.records.length
        taken++
      }
      if (taken < partial.batches.length) {
        this.#partial.set(stream, { ...partial, batches: partial.batches.slice(taken) })
        break
      }
      finished.push({ file: partial.file, corrupt: partial.corrupt, oldest: partial.oldest })
      partial = null
    }
    if (batches.length === 0 && finished.length === 0) return null
    const gathered: Gathered = {
      stream,
      batches,
      bytes,
      partition,
      assignment: 0,
      letters: [],
      position: { finished } satisfies Position,
    }
    if (batches.length > 0) return gathered
    // These segments have no intact batch: nothing to store, so move them to corrupt/ at once.
    await this.commit(gathered)
    return null
  }

  /** Only the store process reads a journal. */
  isCurrent(): boolean {
    return true
  }

  async commit(gathered: Gathered): Promise<void> {
    const { archive, erased } = this.#options
    for (const { file, corrupt, oldest } of (gathered.position as Position).finished) {
      if (corrupt) await this.#putAside(file)
      else if (archive) {
        // Ask again for each segment: a person may be erased meanwhile. `forget` scans the archive a few seconds after it has stored the
        // hash.
        const people = (await erased?.()) ?? null
        await archive.keep(file.path, file.name, people !== null && oldest <= people.newest ? people : null)
      } else await remove(file.path)
      this.#readOf(gathered.stream).delete(file.path)
    }
  }

  rewind(stream: Stream): void {
    this.#read.delete(stream)
    this.#partial.delete(stream)
  }

  async lag(stream: Stream): Promise<Lag> {
    let bytes = 0
    let oldestAt: number | null = null
    for (const slot of this.#slots()) {
      for (const file of await this.#list(slotDirectory(this.#options.directory, slot), stream, true)) {
        bytes += await stat(file.path).then(
          (entry) => entry.size,
          () => 0,
        )
        oldestAt = Math.min(oldestAt ?? file.madeAt, file.madeAt)
      }
    }
    return { bytes, batches: null, oldestAt }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #slots(): readonly number[] {
    return this.#options.slots ?? existingSlots(this.#options.directory)
  }

  #readOf(stream: Stream): Set<string> {
    let paths = this.#read.get(stream)
    if (paths === undefined) this.#read.set(stream, (paths = new Set()))
    return paths
  }

  async #waiting(stream: Stream): Promise<SegmentFile[]> {
    const read = this.#readOf(stream)
    const files: SegmentFile[] = []
    for (const slot of this.#slots()) {
      for (const file of await this.#list(slotDirectory(this.#options.directory, slot), stream, false)) {
        if (!read.has(file.path) && !this.#held.has(file.path)) files.push(file)
      }
    }
    return files.sort((a, b) => a.madeAt - b.madeAt || (a.name < b.name ? -1 : 1))
  }

  async #list(directory: string, stream: Stream, open: boolean): Promise<SegmentFile[]> {
    const files: SegmentFile[] = []
    for (const name of await readdir(directory)) {
      if (!open && !name.endsWith(SEALED_SUFFIX)) continue
      const segment = parseSegmentName(name)
      if (segment?.stream === stream) files.push({ path: join(directory, name), name, madeAt: segment.madeAt })
    }
    return files
  }

  async #open(stream: Stream, file: SegmentFile): Promise<UnfinishedSegment | null> {
    const { batches, damage, obstacle } = await readSegment(file.path, stream)
    if (obstacle !== null && (!this.#options.passesOn || batches.length === 0)) {
      this.#held.add(file.path)
      this.stats.heldSegments = this.#held.size
      this.#options.logger.error(
        { event: 'journal.segment_held', segment: file.path },
        `journal: segment ${file.name} is held: ${obstacle}`,
      )
      return null
    }
    if (damage !== null) {
      this.stats.corruptSegments++
      this.#options.logger.error(
        { event: 'journal.segment_corrupt', segment: file.path, intactBatches: batches.length, ...damage },
        `journal: segment ${file.name} is corrupt; its intact batches are stored, the file is moved to ${CORRUPT_DIRECTORY}/`,
      )
    }
    const oldest = batches.reduce((least, { minReceivedAt }) => Math.min(least, minReceivedAt), Infinity)
    return { file, batches, corrupt: damage !== null, oldest }
  }

  async #putAside(file: SegmentFile): Promise<void> {
    const directory = join(this.#options.directory, CORRUPT_DIRECTORY)
    try {
      await makeDirectory(directory)
      await rename(file.path, join(directory, file.name))
    } catch (error) {
      this.#options.logger.error(
        { event: 'journal.segment_not_moved', segment: file.path, err: error },
        `journal: cannot move a corrupt segment to ${CORRUPT_DIRECTORY}/: ${messageOf(error)}`,
      )
      throw error
    }
  }
}

/** A commit that failed half-way is repeated, so the file may be gone. */
async function remove(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
