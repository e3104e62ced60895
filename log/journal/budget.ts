import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { parseSegmentName } from './layout.ts'

/** How often what readers have removed is looked up, at most; of many segments less often, so that looking stays cheap. */
const RESCAN_MS = 1000
const RESCAN_SHARE = 0.05

/** A disk is left this much free (or a twentieth of it, if that is less): the store needs room to take the journal's records. */
const RESERVE_BYTES = 64 * 1024 * 1024

/**
 * How many bytes a slot's directory may still take. Appends are counted as they are made; what readers removed is found
 * by looking at the directory again, so the estimate is never below what is there.
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

  /** Whether this many bytes more fit; they are then counted. */
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

  /** As last counted; asking for it has what readers removed looked up, for whoever asks next. */
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
          // A reader removed it in between.
          () => 0,
        )
      }
      const disk = await statfs(this.#directory)
      const reserve = Math.min(RESERVE_BYTES, (disk.blocks * disk.bsize) / 20)
      // What was taken while the scan ran may or may not be in it: count it again.
      const since = this.#used - before
      this.#used = found + since
      this.#free = disk.bavail * disk.bsize - reserve - since
    } catch {
      // A directory that cannot be read cannot be written either: the write says what is wrong.
    }
  }
}
