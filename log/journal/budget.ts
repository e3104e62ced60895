import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { parseSegmentName } from './layout.ts'

/** How often the directory is scanned for files that readers have removed; less often with many segments, to keep scans cheap. */
const RESCAN_MS = 1000
const RESCAN_SHARE = 0.05

/**
 * Free disk space that is kept in reserve (or a twentieth of the disk, if that is less): the store needs room for the journal's records.
 */
const RESERVE_BYTES = 64 * 1024 * 1024

/**
 * How many bytes a slot's directory may still take. Appends are counted at once; removals by readers are found by scanning the directory, so
 * the count is never below the actual size.
 */
export class Budget {
  readonly #directory: string
  readonly #maxBytes: number
  #used = 0
  #free = Infinity
  #nextScanAt = -Infinity
  #scanning: Promise<void> | null = null

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory
    this.#maxBytes = maxBytes
  }

  /** Whether this many more bytes fit; if so, they are counted. */
  async take(bytes: number): Promise<boolean> {
    if (this.#fits(bytes)) {
      this.#count(bytes)
      if (performance.now() > this.#nextScanAt) void this.rescan()
      return true
    }
    if (performance.now() > this.#nextScanAt) await this.rescan()
    if (!this.#fits(bytes)) return false
    this.#count(bytes)
    return true
  }

  /** As last counted. Starts a scan for removed files whose result the next caller sees. */
  get usedBytes(): number {
    if (performance.now() > this.#nextScanAt) void this.rescan()
    return this.#used
  }

  #fits(bytes: number): boolean {
    return this.#used + bytes <= this.#maxBytes && bytes <= this.#free
  }

  #count(bytes: number): void {
    this.#used += bytes
    this.#free -= bytes
  }

  rescan(): Promise<void> {
    const started = performance.now()
    this.#scanning ??= this.#scan().finally(() => {
      const took = performance.now() - started
      this.#nextScanAt = performance.now() + Math.max(RESCAN_MS, took / RESCAN_SHARE)
      this.#scanning = null
    })
    return this.#scanning
  }

  async #scan(): Promise<void> {
    try {
      const before = this.#used
      let found = 0
      for (const name of await readdir(this.#directory)) {
        if (parseSegmentName(name) === null) continue
        found += await stat(join(this.#directory, name)).then(
          (entry) => entry.size,
          // A reader removed the file meanwhile.
          () => 0,
        )
      }
      const disk = await statfs(this.#directory)
      const reserve = Math.min(RESERVE_BYTES, (disk.blocks * disk.bsize) / 20)
      // Bytes taken during the scan may or may not be included in it: count them again.
      const since = this.#used - before
      this.#used = found + since
      this.#free = disk.bavail * disk.bsize - reserve - since
    } catch {
      // A directory that cannot be read cannot be written either: the next write reports the error.
    }
  }
}
