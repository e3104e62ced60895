import type { LastingAdmin } from './client/lasting-admin.ts'
import type { Ends } from './client/port.ts'
import { unassignedPartitions } from './coverage.ts'
import { Landmarks } from './landmarks.ts'
import type { PartitionReader } from './partition.ts'

/** The reader that is monitored. */
export interface Watched {
  partitions(): readonly PartitionReader[]
  /** Changes whenever other readers may have owned the partitions in between. */
  assignment(): number
  ends(kafkaTopic: string): Promise<ReadonlyMap<number, Ends>>
  /** The partition's topic was deleted and created again. */
  replaced(partition: PartitionReader): void
  /** Messages from `expected` on exist, but none are delivered. */
  stalled(partition: PartitionReader, expected: number): void
  /** No member of the group reads these partitions. */
  unassigned(partitions: readonly string[]): void
}

export interface ReaderWatchOptions {
  readonly admin: LastingAdmin
  readonly group: string
  readonly kafkaTopics: readonly string[]
  /** For tests: interval of the checks that partitions are read, default 10 s, and that they were not replaced, default 60 s. */
  readonly checkEveryMs?: number | undefined
  readonly verifyEveryMs?: number | undefined
}

/** Interval of the check that all partitions are read; two failed checks in a row are reported. */
const CHECK_MS = 10_000
/** Interval of the check that the partitions were not replaced. */
const VERIFY_MS = 60_000
/** A partition has stalled after this many checks without a delivered message. */
const CHECKS_WITHOUT_PROGRESS = 3

/** Checks regularly that everything is being read, since the client and the group may fail silently. */
export class ReaderWatch {
  readonly #options: ReaderWatchOptions
  readonly #watched: Watched
  readonly #timer: NodeJS.Timeout
  readonly #landmarks: Landmarks
  #verifiedAt = performance.now()
  #timesUnread = 0
  readonly #waiting = new WeakMap<PartitionReader, { expected: number | null; begun: number; checks: number }>()

  constructor(options: ReaderWatchOptions, watched: Watched) {
    this.#options = options
    this.#watched = watched
    this.#landmarks = new Landmarks(options.admin)
    this.#timer = setInterval(() => void this.#check(), options.checkEveryMs ?? CHECK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #check(): Promise<void> {
    try {
      await this.#checkCoverage()
      await this.#checkProgress()
      if (performance.now() - this.#verifiedAt > (this.#options.verifyEveryMs ?? VERIFY_MS)) await this.#verify()
    } catch {
      // Unreachable brokers are reported elsewhere.
    }
  }

  /** Acts on two failed checks in a row: a rebalance that is just going on must not be disturbed. */
  async #checkCoverage(): Promise<void> {
    const { admin, group, kafkaTopics } = this.#options
    const assignment = this.#watched.assignment()
    const before = this.#timesUnread
    this.#timesUnread = 0
    const unassigned = await admin.ask((open) => unassignedPartitions(open, group, kafkaTopics))
    if (assignment !== this.#watched.assignment() || unassigned === null || unassigned.length === 0) return
    if (before === 0) this.#timesUnread = 1
    else this.#watched.unassigned(unassigned)
  }

  /** A message in a partition that is being read normally arrives within moments. */
  async #checkProgress(): Promise<void> {
    for (const [own, ends] of await this.#byTopic()) {
      for (const partition of own) {
        const { expected, begun, paused } = partition
        const waits = !paused && expected !== null && (ends.get(partition.partition)?.high ?? 0) > expected
        const before = this.#waiting.get(partition)
        const checks = waits && before?.expected === expected && before.begun === begun ? before.checks + 1 : 0
        this.#waiting.set(partition, { expected, begun, checks })
        if (checks < CHECKS_WITHOUT_PROGRESS || !this.#watched.partitions().includes(partition)) continue
        this.#waiting.delete(partition)
        this.#watched.stalled(partition, expected as number)
      }
    }
  }

  async #verify(): Promise<void> {
    this.#verifiedAt = performance.now()
    const assignment = this.#watched.assignment()
    for (const [own, ends] of await this.#byTopic()) {
      for (const partition of own) {
        const low = ends.get(partition.partition)?.low
        if (low === undefined || partition.expected === null) continue
        const { kafkaTopic, partition: number, seen } = partition
        const another = await this.#landmarks.isAnother(kafkaTopic, number, low, seen)
        if (assignment !== this.#watched.assignment()) return
        if (another) this.#watched.replaced(partition)
      }
    }
  }

  /** The partitions of each topic, with their ends. */
  #byTopic(): Promise<[PartitionReader[], ReadonlyMap<number, Ends>][]> {
    const partitions = this.#watched.partitions()
    const names = new Set(partitions.map(({ kafkaTopic }) => kafkaTopic))
    return Promise.all(
      [...names].map(async (name) => [
        partitions.filter(({ kafkaTopic }) => kafkaTopic === name),
        await this.#watched.ends(name),
      ]),
    )
  }
}
