import { existsSync } from 'node:fs'
import { readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLockDirectory } from '../../common/directory-lock.ts'
import { GatepostError } from '../../common/errors.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'
import { makeDirectory } from './disk.ts'
import { parseSegmentName } from './layout.ts'
import { readSegment, type SegmentContents } from './read-segment.ts'
import { writeSegment } from './write-segment.ts'

/*
 * Stored segments that are kept for a while for replay: <data directory>/archive/<stream>/<segment>.avro. When the archive reaches its size
 * limit the oldest segment is removed; so are segments whose rows their table no longer keeps. Interrupted attempts leave files beside them:
 * .new of a segment being rewritten, .arriving of one being stored without erased subjects.
 */

/** Role of the lock for rewriting segments of an archive. */
export const REWRITE_LOCK = 'rewrite'
export const REWRITTEN_SUFFIX = '.new'
const ARRIVING_SUFFIX = '.arriving'

/** Erased subjects. */
export interface Erased {
  /** When the latest person was erased, ms since the epoch: records received later contain no erased subject. */
  readonly newest: number
  /** The batch without their records; the same object if it contains none; null: nothing is left of it. */
  without(batch: Batch): Batch | null
}

interface Kept {
  readonly stream: Stream
  readonly path: string
  readonly madeAt: number
  readonly bytes: number
}

/** Where the archive of a data directory is. */
export function archiveDirectory(dataDir: string): string {
  return join(dataDir, 'archive')
}

export interface ArchiveBounds {
  readonly maxBytes: number
  /** Maximum age of a segment, by stream. */
  readonly maxAgeMs: Readonly<Record<Stream, number>>
}

/** The archive, for the process that owns the journal. */
export class Archive {
  readonly #directory: string
  readonly #bounds: ArchiveBounds
  /** By stream, oldest first. */
  readonly #kept = new Map<Stream, Kept[]>(STREAMS.map((stream) => [stream, []]))
  #bytes = 0

  private constructor(directory: string, bounds: ArchiveBounds) {
    this.#directory = directory
    this.#bounds = bounds
  }

  static async open(directory: string, bounds: ArchiveBounds): Promise<Archive> {
    const archive = new Archive(directory, bounds)
    for (const stream of STREAMS) await makeDirectory(join(directory, stream))
    await removeUnfinished(directory, ARRIVING_SUFFIX)
    await removeRewritten(directory)
    for (const segment of await archivedSegments(directory)) archive.#add(segment)
    await archive.#shrink()
    return archive
  }

  /** Total size of the archived segments. */
  get usedBytes(): number {
    return this.#bytes
  }

  /**
   * Moves a segment into the archive, without the records of erased subjects. Does nothing if the segment has been moved already.
   * @param erased null: the segment contains none of them
   */
  async keep(path: string, name: string, erased: Erased | null = null): Promise<void> {
    const segment = parseSegmentName(name)
    if (segment === null) throw new Error(`${name} is not a segment of the journal`)
    const target = join(this.#directory, segment.stream, name)
    const bytes = await unlessGone(
      erased === null ? moved(path, target) : filtered(path, target, segment.stream, erased),
    )
    if (bytes === null) return
    this.#add({ stream: segment.stream, path: target, madeAt: segment.madeAt, bytes })
    await this.#shrink()
  }

  async #shrink(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      // Update the list before the file is removed, so that a concurrent caller continues with the next segment.
      this.#kept.get(next.stream)?.shift()
      this.#bytes -= next.bytes
      await unlink(next.path).catch((error: unknown) => {
        // Another process has removed it already.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      })
    }
  }

  /** The next segment to remove; undefined: none. */
  #next(): Kept | undefined {
    const { maxBytes, maxAgeMs } = this.#bounds
    const now = Date.now()
    const oldest = [...this.#kept.values()].flatMap((segments) => segments.slice(0, 1))
    const expired = oldest.find(({ stream, madeAt }) => madeAt < now - maxAgeMs[stream])
    if (expired !== undefined || this.#bytes <= maxBytes) return expired
    return oldest.sort((a, b) => a.madeAt - b.madeAt).at(0)
  }

  #add(segment: Kept): void {
    this.#kept.get(segment.stream)?.push(segment)
    this.#bytes += segment.bytes
  }
}

async function moved(path: string, target: string): Promise<number> {
  const { size } = await stat(path)
  await rename(path, target)
  return size
}

/** @returns the size; null: no record is left */
async function filtered(path: string, target: string, stream: Stream, erased: Erased): Promise<number | null> {
  const { batches } = await readWhole(path, stream)
  const kept = batches.map((batch) => erased.without(batch))
  if (kept.every((batch, index) => batch === batches[index])) return moved(path, target)
  const left = kept.filter((batch) => batch !== null)
  const bytes = left.length === 0 ? null : await writeSegment(target, left[0].schema, left, ARRIVING_SUFFIX)
  await unlink(path)
  return bytes
}

/** Removes the files of interrupted attempts. */
export async function removeUnfinished(directory: string, suffix: string): Promise<void> {
  for (const stream of STREAMS) {
    const names = await readdir(join(directory, stream)).catch(() => [])
    for (const name of names) {
      if (name.endsWith(suffix)) await unlessGone(unlink(join(directory, stream, name)))
    }
  }
}

/** Removes the files of interrupted rewrites, unless a rewrite is running. */
async function removeRewritten(directory: string): Promise<void> {
  const lock = await tryLockDirectory(directory, REWRITE_LOCK)
  if (lock === null) return
  try {
    await removeUnfinished(directory, REWRITTEN_SUFFIX)
  } finally {
    await lock.release()
  }
}

/** The segments of an archive, oldest first. */
export async function archivedSegments(directory: string, streams: readonly Stream[] = STREAMS): Promise<Kept[]> {
  const kept: Kept[] = []
  for (const stream of streams) {
    const names = await readdir(join(directory, stream)).catch(() => [])
    for (const name of names) {
      const segment = parseSegmentName(name)
      if (segment === null) continue
      const path = join(directory, stream, name)
      const bytes = await stat(path).then(
        ({ size }) => size,
        () => 0,
      )
      kept.push({ stream, path, madeAt: segment.madeAt, bytes })
    }
  }
  return kept.sort((a, b) => a.madeAt - b.madeAt)
}

/** Segments that follow each other are read together up to this size: the store answers once for all of their batches. */
const PART_BYTES = 8 * 2 ** 20

/** The batches of some segments, and the progress of reading the archive. */
export interface ArchivePart {
  readonly batches: readonly Batch[]
  readonly bytesRead: number
  readonly bytesInAll: number
  /** How many of the segments are damaged; their intact batches are included. */
  readonly damaged: number
}

/** @throws GatepostError INPUT_INVALID: there is no archive */
export function assertArchive(directory: string): void {
  if (existsSync(directory)) return
  const hint = 'gatepost serve keeps an archive if GATEPOST_ARCHIVE_MAX_BYTES is set'
  throw new GatepostError('INPUT_INVALID', `there is no archive at ${directory}: ${hint}`)
}

/** The batches of a stream whose first record was received in [from, to), ms since the epoch. A part is at least one segment. */
export async function* readArchive(
  directory: string,
  stream: Stream,
  from: number,
  to: number,
): AsyncGenerator<ArchivePart> {
  const segments = await archivedSegments(directory, [stream])
  const bytesInAll = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  let bytesRead = 0
  let batches: Batch[] = []
  let bytesInPart = 0
  let damaged = 0
  for (const { path, bytes } of segments) {
    bytesRead += bytes
    const segment = await unlessGone(readWhole(path, stream))
    if (segment === null) continue
    if (segment.damage !== null) damaged++
    for (const batch of segment.batches) {
      if (batch.minReceivedAt < from || batch.minReceivedAt >= to) continue
      batches.push(batch)
      bytesInPart += batch.records.length
    }
    if (bytesInPart < PART_BYTES) continue
    yield { batches, bytesRead, bytesInAll, damaged }
    batches = []
    bytesInPart = 0
    damaged = 0
  }
  if (batches.length > 0 || damaged > 0) yield { batches, bytesRead, bytesInAll, damaged }
}

/**
 * Reads a segment whose records this version can parse.
 * @throws GatepostError SCHEMA_UNKNOWN: a later version wrote it; the file system's error
 */
export async function readWhole(path: string, stream: Stream): Promise<SegmentContents> {
  const segment = await readSegment(path, stream)
  if (segment.obstacle !== null) throw new GatepostError('SCHEMA_UNKNOWN', `${path}: ${segment.obstacle}`)
  return segment
}

/** A running instance may remove its oldest segments meanwhile. Null: this segment was removed. */
export async function unlessGone<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
