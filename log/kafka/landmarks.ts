import type { LastingAdmin } from './client/lasting-admin.ts'

/** The first message of a partition that is not older than `timestamp`. As long as that message exists, the answer never changes. */
interface Landmark {
  /** ms since the epoch, the message's own timestamp. */
  readonly timestamp: number
  readonly offset: number
}

/** A newly elected leader may not know the high watermark yet. */
const ATTEMPTS = 3

/**
 * Detects that a partition was replaced by another one of the same name: if a topic was deleted, created again and filled beyond the old
 * position, offsets look as if it continued, and the client does not report topic ids. But the message at a given time never changes.
 */
export class Landmarks {
  readonly #admin: LastingAdmin
  /** By "topic/partition"; bounded by the number of partitions. */
  readonly #known = new Map<string, Landmark>()

  constructor(admin: LastingAdmin) {
    this.#admin = admin
  }

  /**
   * Whether another log has replaced the partition since the last call; false on the first call.
   * @param low the first offset that still exists
   * @param seen timestamp of a message that was read recently, ms since the epoch; null: none
   * @throws any error that keeps the brokers from answering
   */
  async isAnother(topic: string, partition: number, low: number, seen: number | null): Promise<boolean> {
    const key = `${topic}/${partition}`
    const known = this.#known.get(key)
    if (known !== undefined && known.offset >= low && !(await this.#isThere(topic, partition, known))) {
      this.#known.delete(key)
      return true
    }
    if (seen !== null) {
      const offset = await this.#offsetAt(topic, partition, seen)
      // The very first message is not a landmark: the replacement has a first message too.
      if (offset > low) this.#known.set(key, { timestamp: seen, offset })
    }
    return false
  }

  async #isThere(topic: string, partition: number, { timestamp, offset }: Landmark): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if ((await this.#offsetAt(topic, partition, timestamp)) === offset) return true
    }
    return false
  }

  async #offsetAt(topic: string, partition: number, timestamp: number): Promise<number> {
    const offsets = await this.#admin.ask((admin) => admin.offsetsAt(topic, timestamp))
    const offset = offsets.get(partition)
    if (offset === undefined) throw new Error(`${topic} has no partition ${partition}`)
    return offset
  }
}
