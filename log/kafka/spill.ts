import { readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { lockDirectory, tryLockDirectory, type DirectoryLock } from '../../common/directory-lock.ts'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Gathered, Lag } from '../contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import { makeDirectory, syncDirectory } from '../journal/disk.ts'
import { existingSlots, parseSegmentName, SEALED_SUFFIX, SLOT_LOCK, slotDirectory } from '../journal/layout.ts'
import { JournalReader } from '../journal/reader.ts'
import { recoverSlot } from '../journal/recover.ts'
import { JournalWriter } from '../journal/writer.ts'

export interface SpillOptions {
  /** <data directory>/spill: the spills of all workers of this machine. */
  readonly directory: string
  /** This worker's slot. */
  readonly slot: number
  /** Maximum size of this worker's spill in bytes. */
  readonly maxBytes: number
  readonly segmentMaxBytes: number
  /** A segment is sealed, and then resent, at this age; ms. */
  readonly sealAfterMs: number
}

/** A predecessor that is being killed may hold the slot for a moment. */
const SLOT_WAIT_MS = 15_000
/** A segment is read into memory whole when it is resent. */
const SEGMENT_MAX_BYTES = 8 * 2 ** 20

/**
 * Batches that Kafka has not acknowledged, on this machine's disk: a journal of its own that the same process reads. Limited to `maxBytes`:
 * beyond it, batches are refused.
 */
export class Spill {
  readonly #options: SpillOptions
  readonly #logger: Logger
  readonly #directory: string
  readonly #lock: DirectoryLock
  readonly #writer: JournalWriter
  readonly #reader: JournalReader
  /** Segments adopted from workers that ended. */
  adoptedSegments = 0

  private constructor(options: SpillOptions, logger: Logger, lock: DirectoryLock, writer: JournalWriter) {
    this.#options = options
    this.#logger = logger
    this.#directory = slotDirectory(options.directory, options.slot)
    this.#lock = lock
    this.#writer = writer
    this.#reader = new JournalReader({ directory: options.directory, slots: [options.slot], passesOn: true, logger })
  }

  /** Takes the slot's lock and recovers what its last worker left. @throws GatepostError DIRECTORY_LOCKED */
  static async open(options: SpillOptions, logger: Logger): Promise<Spill> {
    const directory = slotDirectory(options.directory, options.slot)
    await makeDirectory(directory)
    const lock = await lockDirectory(directory, SLOT_LOCK, SLOT_WAIT_MS)
    try {
      await recoverSlot(directory, logger)
      const writer = await JournalWriter.open({
        directory,
        maxBytes: options.maxBytes,
        segmentMaxBytes: Math.min(options.segmentMaxBytes, SEGMENT_MAX_BYTES),
        sealAfterMs: options.sealAfterMs,
        logger,
      })
      return new Spill(options, logger, lock, writer)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  get directory(): string {
    return this.#directory
  }

  /** Estimated size; never below the actual size. */
  get usedBytes(): number {
    return this.#writer.usedBytes
  }

  get maxBytes(): number {
    return this.#writer.maxBytes
  }

  /** Resolves when the batch is on disk. @throws GatepostError as LogWriter.append */
  append(batch: Batch): Promise<void> {
    return this.#writer.append(batch)
  }

  /** The oldest sealed batches that have not been read yet. */
  read(stream: Stream, maxBytes: number): Promise<Gathered | null> {
    return this.#reader.read(stream, maxBytes)
  }

  /** Removes batches that were read. */
  commit(gathered: Gathered): Promise<void> {
    return this.#reader.commit(gathered)
  }

  /** The next read starts at the oldest uncommitted segment. */
  rewind(stream: Stream): void {
    this.#reader.rewind(stream)
  }

  /** Everything in the spill, including open segments. */
  lag(stream: Stream): Promise<Lag> {
    return this.#reader.lag(stream)
  }

  /**
   * Adopts the spills of this machine's workers that have ended, recognised by their free lock. Their segments are moved into this slot as
   * far as there is room; the rest is left for a later attempt. @returns the number of segments
   */
  async adopt(): Promise<number> {
    let adopted = 0
    for (const slot of existingSlots(this.#options.directory)) {
      if (slot === this.#options.slot) continue
      const directory = slotDirectory(this.#options.directory, slot)
      const lock = await tryLockDirectory(directory, SLOT_LOCK)
      if (lock === null) continue
      try {
        adopted += await this.#adoptFrom(directory)
      } catch (error) {
        this.#logger.error(
          { event: 'spill.adoption_failed', directory, err: error },
          `spill: cannot adopt the spill of an ended worker; it stays where it is: ${messageOf(error)}`,
        )
      } finally {
        await lock.release()
      }
    }
    this.adoptedSegments += adopted
    return adopted
  }

  async #adoptFrom(directory: string): Promise<number> {
    await recoverSlot(directory, this.#logger)
    let room = this.maxBytes - this.usedBytes
    let moved = 0
    for (const name of (await readdir(directory)).sort()) {
      if (!name.endsWith(SEALED_SUFFIX) || parseSegmentName(name) === null) continue
      const { size } = await stat(join(directory, name))
      if (size > room) break
      room -= size
      // Names contain the incarnation of their process, so they never collide.
      await rename(join(directory, name), join(this.#directory, name))
      moved++
    }
    if (moved === 0) return 0
    await syncDirectory(this.#directory)
    await syncDirectory(directory)
    this.#logger.warn(
      { event: 'spill.adopted', directory, segments: moved },
      'spill: adopted segments of a worker that ended',
    )
    return moved
  }

  /** Seals open segments and releases the slot. */
  async close(): Promise<void> {
    await this.#writer.close()
    await this.#reader.close()
    await this.#lock.release()
  }
}
