import type { LastingAdmin } from './client/lasting-admin.ts'

/** The first message of a partition that is not older than `timestamp`: as long as it is kept, that is the same for ever. */
interface Landmark {
  /** ms since the epoch, as the message has it. */
  readonly timestamp: number
  readonly offset: number
}

/** A leader that was elected a moment ago may not know yet what is committed. */
const ATTEMPTS = 3

/**
 * Tells a partition from one of the same name that took its place: a topic that was deleted, made anew and filled past the old position goes on
 * where the old one ended, as far as offsets tell, and the client does not tell topic ids. What stands in a log at a time does not change.
 */
export class Landmarks {
  readonly #admin: LastingAdmin
  /** By "topic/partition"; as many as there are partitions. */
  readonly #known = new Map<string, Landmark>()

  constructor(admin: LastingAdmin) {
    this.#admin = admin
  }

  /**
   * Whether another log has taken a partition's place since this was asked last; false of one that was never asked about.
   * @param low the first offset that is still there
   * @param seen when a message was sent that was read lately, ms since the epoch; null: none was
   * @throws whatever keeps the brokers from answering
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
      // The first message of all is no landmark: another log has a first one too.
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
