import { join } from 'node:path'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { RecordSchema } from '../../schemas/avro.ts'
import { blockHeader, containerHeader } from '../../schemas/container.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Disk } from './disk.ts'
import { OPEN_SUFFIX, SEALED_SUFFIX } from './layout.ts'

/** Error codes of a write for which there is no room. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/**
 * A segment that is being written: an Avro object container file to which complete blocks are appended. One append runs at a time; after any
 * error the segment accepts no more.
 */
export class OpenSegment {
  readonly schema: RecordSchema
  readonly openedAt = performance.now()
  readonly #disk: Disk
  readonly #directory: string
  readonly #name: string
  readonly #fd: number
  readonly #syncsWrites: boolean
  /** Bytes known to be complete and durable, header included; 0: not even the header. */
  #durable = 0
  #broken = false
  #closed = false

  private constructor(
    disk: Disk,
    directory: string,
    name: string,
    schema: RecordSchema,
    fd: number,
    syncsWrites: boolean,
  ) {
    this.schema = schema
    this.#disk = disk
    this.#directory = directory
    this.#name = name
    this.#fd = fd
    this.#syncsWrites = syncsWrites
  }

  /** @throws GatepostError LOG_WRITE_REFUSED */
  static async create(disk: Disk, directory: string, name: string, schema: RecordSchema): Promise<OpenSegment> {
    try {
      const { fd, syncsWrites } = await disk.create(join(directory, name + OPEN_SUFFIX))
      return new OpenSegment(disk, directory, name, schema, fd, syncsWrites)
    } catch (error) {
      throw new GatepostError(
        'LOG_WRITE_REFUSED',
        `cannot create a journal segment in ${directory}: ${messageOf(error)}`,
        error,
      )
    }
  }

  get bytes(): number {
    return this.#durable
  }

  get usable(): boolean {
    return !this.#broken
  }

  /**
   * Appends batches of this segment's schema, one block each, with a single synced write. The first write includes the header and also syncs
   * the file's name.
   * @throws GatepostError LOG_WRITE_REFUSED: nothing was appended; LOG_OUTCOME_UNKNOWN
   */
  async append(batches: readonly Batch[]): Promise<void> {
    const first = this.#durable === 0
    const buffers: Uint8Array[] = first ? [containerHeader(this.schema)] : []
    for (const batch of batches) {
      const records = batch.records
      buffers.push(blockHeader(batch.recordCount, records.length), records, this.schema.fingerprint)
    }
    const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    await this.#write(buffers, length)
    try {
      await Promise.all([
        this.#syncsWrites ? null : this.#disk.fdatasync(this.#fd),
        first ? this.#disk.syncDirectory(this.#directory) : null,
      ])
    } catch (error) {
      throw this.#syncFailed(length, error)
    }
    this.#durable += length
  }

  /** After a failed sync the state of the kernel's pages is unknown: a later successful sync of this file proves nothing. */
  #syncFailed(length: number, error: unknown): GatepostError {
    this.#broken = true
    this.#durable += length
    return new GatepostError(
      'LOG_OUTCOME_UNKNOWN',
      `the journal's disk failed to sync ${this.#name}: ${messageOf(error)}`,
      error,
    )
  }

  async #write(buffers: Uint8Array[], length: number): Promise<void> {
    let written = 0
    try {
      let rest = buffers
      while (written < length) {
        const bytes = await this.#disk.writev(this.#fd, rest, this.#durable + written)
        if (bytes === 0) throw new Error('an earlier write failed, so the segment takes no more')
        written += bytes
        if (written < length) rest = tail(rest, bytes)
      }
    } catch (error) {
      // A synced write may have failed while writing or while syncing. Only an error for lack of room is worth undoing.
      if (this.#syncsWrites && !NO_ROOM.has(String((error as NodeJS.ErrnoException).code)))
        throw this.#syncFailed(length, error)
      this.#broken = true
      try {
        // Only if the file ends where it ended before is it certain that it holds nothing of these batches.
        await this.#disk.ftruncate(this.#fd, this.#durable)
        // The bytes may have been written and only their sync failed for lack of room: make the new end durable too.
        if (this.#syncsWrites) await this.#disk.fdatasync(this.#fd)
      } catch (truncateError) {
        if (written > 0 || this.#syncsWrites) {
          throw new GatepostError(
            'LOG_OUTCOME_UNKNOWN',
            `cannot undo a partial write to ${this.#name}: ${messageOf(truncateError)}`,
            error,
          )
        }
      }
      throw new GatepostError(
        'LOG_WRITE_REFUSED',
        `cannot write to the journal in ${this.#directory}: ${messageOf(error)}`,
        error,
      )
    }
  }

  /**
   * Closes the file and renames it, so that readers see it; a segment without a block is removed. May be repeated after an error.
   * @throws the file system's error; ENOENT: the file is gone, so that repeating it is of no use
   */
  async seal(): Promise<void> {
    if (!this.#closed) {
      // A descriptor is gone whatever close() says. Everything in the file is synced already.
      this.#closed = true
      await this.#disk.close(this.#fd).catch(() => undefined)
    }
    if (this.#durable === 0) return this.#disk.unlink(join(this.#directory, this.#name + OPEN_SUFFIX))
    await this.#disk.rename(
      join(this.#directory, this.#name + OPEN_SUFFIX),
      join(this.#directory, this.#name + SEALED_SUFFIX),
    )
    // Readers see it now. If its new name is lost in a power loss, the next start recovers the file under the old one, which is synced.
    await this.#disk.syncDirectory(this.#directory).catch(() => undefined)
  }
}

function tail(buffers: readonly Uint8Array[], skip: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  for (const buffer of buffers) {
    if (skip >= buffer.length) skip -= buffer.length
    else {
      rest.push(skip > 0 ? buffer.subarray(skip) : buffer)
      skip = 0
    }
  }
  return rest
}
